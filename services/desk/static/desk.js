// The page's own script: small modules, each of which finds what it works on or does nothing.
// The server draws everything; this only adds the keyboard, the live connection, the time slider and drafts.

import { startPage } from "./page.js";
import { startKeys } from "./keys.js";
import { startPalette } from "./palette.js";
import { startLive } from "./live.js";
import { startInbox } from "./inbox.js";
import { startTicket } from "./ticket.js";
import { startComposer } from "./composer.js";

startPage();
startKeys();
startPalette();
startLive();
startInbox();
startTicket();
startComposer();
