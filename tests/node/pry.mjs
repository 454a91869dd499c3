// Tries to read or say more than the account is for, and prints what came of each attempt.
import { jetstreamManager } from "@nats-io/jetstream";
import { given, open } from "./connection.mjs";

const others = JSON.parse(process.env.DAYBOOK_OTHERS); // {stream, subjects}
const { nc, js } = await open();
const heard = [];
const tried = {};

async function attempt(name, work) {
  try {
    tried[name] = { got: await work() };
  } catch (error) {
    tried[name] = { refused: `${error.name}: ${error.message}` };
  }
}

async function ask(subject, payload = "") {
  return (await nc.request(subject, payload, { timeout: 1500 })).string();
}

const jsm = await jetstreamManager(nc, { domain: given.domain, checkAPI: false, timeout: 1500 });
const plain = await jetstreamManager(nc, { checkAPI: false, timeout: 1500 });
const every = [];
for (const [name, api] of [["domain", jsm], ["plain", plain]]) {
  every.push(
    [`${name}: own stream's info`, () => api.streams.info(given.stream)],
    [`${name}: the other's stream's info`, () => api.streams.info(others.stream)],
    [`${name}: the desk's stream's info`, () => api.streams.info("DAYBOOK")],
    [`${name}: all streams`, () => api.streams.list().next()],
    [`${name}: the other's durable`, () => api.consumers.info(others.stream, given.durable)],
    [`${name}: triage's durable`, () => api.consumers.info("DAYBOOK", "triage")],
    [`${name}: a durable of one's own on the desk's stream`, () => api.consumers.add("DAYBOOK", { durable_name: "mine", ack_policy: "none" })],
    [`${name}: a durable on the other's stream`, () => api.consumers.add(others.stream, { durable_name: "mine", ack_policy: "none" })],
    [`${name}: another durable on one's own stream`, () => api.consumers.add(given.stream, { durable_name: "mine", ack_policy: "none" })],
    [`${name}: one's own durable removed`, () => api.consumers.delete(given.stream, given.durable)],
    [`${name}: one's own stream removed`, () => api.streams.delete(given.stream)],
    [`${name}: a message by its number`, () => api.streams.getMessage(given.stream, { seq: 1 })],
    [`${name}: the account's figures`, () => api.getAccountInfo()],
  );
}
for (const prefix of ["$JS.API", `$JS.${given.domain}.API`]) {
  every.push([`${prefix}: next of the other's durable`, () => ask(`${prefix}.CONSUMER.MSG.NEXT.${others.stream}.reader`)]);
  every.push([`${prefix}: next of triage's durable`, () => ask(`${prefix}.CONSUMER.MSG.NEXT.DAYBOOK.triage`)]);
}
for (const subject of ["$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.USER.INFO", "census.daybook"]) {
  every.push([`ask ${subject}`, () => ask(subject)]);
}
for (const subject of [">", "daybook.>", "feed.>", "$JS.>", "$SYS.>", "poke.>", "_INBOX_relay.>"]) {
  every.push([`hear ${subject}`, async () => {
    let refusal;
    const subscription = nc.subscribe(subject, { callback: (error, message) => error ? (refusal = error) : heard.push(message.subject) });
    await nc.flush();
    await nc.flush();
    if (refusal) throw refusal;
    return subscription.getProcessed();
  }]);
}
await Promise.all(every.map(([name, work]) => attempt(name, work)));
console.log("listening"); // what could be heard is said meanwhile, until whoever started this closes its input
for await (const _ of process.stdin);
await nc.flush();
for (const subject of others.subjects) {
  nc.publish(subject, "forged"); // refused by the server, which tells the connection, not the call
}
await nc.flush();
const consumer = await js.consumers.get(given.stream, given.durable);
console.log(JSON.stringify({ tried, heard, own: await consumer.info() }));
await nc.close();
