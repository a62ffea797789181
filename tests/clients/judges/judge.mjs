// What both judges need: a line of JSON in, a line of JSON out, keys, and fetch with a certificate.
//
// The test that started us is the citizen: we say {"go": <address>}, it walks through the pages and says
// where the browser ended. The last line is {"done": <what the client learned>}.

import { Agent, request } from "node:https";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** The next line from the test. */
export async function hear() {
  const { value, done } = await lines.next();
  if (done) throw new Error("the test has gone");
  return JSON.parse(value);
}

export function say(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/** Sends the citizen to an address; where the browser ended, as the client's callback sees it. */
export async function citizen(address) {
  say({ go: String(address) });
  const { url, form } = await hear();
  if (!form) return new URL(url);
  return new Request(url, { method: "POST", body: new URLSearchParams(form) });
}

/** Runs one profile with the settings on the first line. */
export async function judge(profiles, name) {
  try {
    say({ done: await profiles[name](await hear()) });
    process.exit(0);
  } catch (problem) {
    const cause = problem.cause instanceof Error ? problem.cause.message : problem.cause;
    say({ failed: `${problem.name}: ${problem.message}`, code: problem.code, error: problem.error, cause });
    process.exit(1);
  }
}

const ALGORITHMS = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, ["sign"]],
  "ECDH-ES": [{ name: "ECDH", namedCurve: "P-256" }, ["deriveBits"]],
  "ECDH-ES+A256KW": [{ name: "ECDH", namedCurve: "P-256" }, ["deriveBits"]],
  "RSA-OAEP-256": [{ name: "RSA-OAEP", hash: "SHA-256" }, ["decrypt"]],
};

/** A private JWK as the libraries want it. */
export async function privateKey({ alg, kid, use, ...jwk }) {
  const [algorithm, usages] = ALGORITHMS[alg];
  return { key: await crypto.subtle.importKey("jwk", jwk, algorithm, false, usages), kid };
}

/** fetch that shows a TLS certificate; Node's own has no means for it. */
export function fetchWithCertificate({ certificate, key }) {
  const agent = new Agent({ cert: certificate, key });
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const sent = request(url, { agent, method, signal, headers: Object.fromEntries(new Headers(headers)) });
      sent.on("error", reject);
      sent.on("response", async (answer) => {
        const chunks = [];
        for await (const chunk of answer) chunks.push(chunk);
        const content = answer.statusCode === 204 ? null : Buffer.concat(chunks);
        resolve(new Response(content, { status: answer.statusCode, headers: answer.headers }));
      });
      sent.end(body === undefined || body === null ? undefined : String(body));
    });
}
