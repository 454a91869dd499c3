"""What is published of the contracts for other programs: JSON Schemas, AsyncAPI, OpenAPI; committed and diffed."""
