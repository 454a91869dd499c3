"""Pure rules that two services need: the promise by default, the priority."""
