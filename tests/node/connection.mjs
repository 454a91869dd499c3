// What `daybook token create --nats --json` printed comes in by DAYBOOK_READER; a connection and its JetStream go out.
import { jetstream } from "@nats-io/jetstream";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";

export const given = JSON.parse(process.env.DAYBOOK_READER);

export async function open() {
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(given.seed));
  const reconnect = given.reconnect ?? false;
  const nc = await connect({
    servers: given.url, authenticator, reconnect, maxReconnectAttempts: -1, reconnectTimeWait: 100,
  });
  return { nc, js: jetstream(nc, { domain: given.domain }) };
}
