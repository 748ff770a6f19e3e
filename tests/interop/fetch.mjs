// How does fetch of Node.js carry out the calls that stand on its standard input as JSON?

import { subscribe } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";

if (typeof fetch !== "function") {
  console.error("fetch.mjs: Node.js 18 or later is needed");
  process.exit(1);
}

let connections = 0;
subscribe("undici:client:connected", () => {
  connections += 1;
});

function bodyOf(call) {
  if (call.body === null) return undefined;
  const content = Buffer.from(call.body, "base64");
  if (!call.chunked) return content;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(content.subarray(0, 5));
      controller.enqueue(content.subarray(5));
      controller.close();
    },
  });
}

async function answerTo(call) {
  try {
    const { method, url, headers } = call;
    const reply = await fetch(url, { method, headers, body: bodyOf(call), duplex: "half" });
    const body = Buffer.from(await reply.arrayBuffer()).toString("base64");
    return { status: reply.status, headers: Object.fromEntries(reply.headers), body, error: "" };
  } catch (error) {
    const cause = error.cause ?? error;
    return { status: 0, headers: {}, body: "", error: `${error.message}: ${cause.code ?? cause.name} ${cause.message}` };
  }
}

const answers = [];
for (const call of JSON.parse(readFileSync(0, "utf8"))) {
  answers.push(await answerTo(call));
}
console.log(JSON.stringify({ answers, connections }));
