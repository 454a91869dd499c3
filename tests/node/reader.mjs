// Prints every event as one line of JSON and acknowledges it, until it is killed or its connection ends.
import { given, open } from "./connection.mjs";

const { nc, js } = await open();
nc.closed().then((error) => {
  console.log(JSON.stringify({ closed: String(error ?? "") }));
  process.exit(3);
});
const consumer = await js.consumers.get(given.stream, given.durable);
for await (const message of await consumer.consume({ max_messages: 50 })) {
  const headers = Object.fromEntries([...message.headers].map(([name, values]) => [name, values[0]]));
  console.log(JSON.stringify({ subject: message.subject, seq: message.seq, headers, data: message.string() }));
  message.ack();
}
