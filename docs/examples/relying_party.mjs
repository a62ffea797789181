// A service with a login, complete, on openid-client: node docs/examples/relying_party.mjs
//
// Environment: ISSUER, CLIENT_ID, CLIENT_SECRET, PORT (default 8500). Register
// http://localhost:<PORT>/callback as redirect URI, then open http://localhost:<PORT>/.

import { createServer } from "node:http";
import * as client from "openid-client";

const issuer = new URL(process.env.ISSUER ?? "http://localhost:8400");
const clientId = process.env.CLIENT_ID ?? "my-portal";
const port = process.env.PORT ?? "8500";
const redirect_uri = `http://localhost:${port}/callback`;
const level = "http://eidas.europa.eu/LoA/substantial";

const config = await client.discovery(
  issuer,
  clientId,
  undefined,
  client.ClientSecretBasic(process.env.CLIENT_SECRET ?? ""),
  // Only for a sandbox on http://localhost.
  issuer.protocol === "http:" ? { execute: [client.allowInsecureRequests] } : undefined,
);

// What we remember per login until the answer comes, by state; a real service uses its session.
const pending = new Map();

async function begin() {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  pending.set(expectedState, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true });
  return client.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: "openid profile",
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    claims: JSON.stringify({ id_token: { acr: { essential: true, values: [level] } } }),
  });
}

async function finish(url) {
  const checks = pending.get(url.searchParams.get("state"));
  pending.delete(url.searchParams.get("state"));
  if (!checks) throw new Error("unknown or used state");
  // Checks state, iss, signature, aud, exp and nonce; throws if anything is wrong.
  const tokens = await client.authorizationCodeGrant(config, url, checks);
  const claims = tokens.claims();
  if (claims.acr !== level) throw new Error(`level not reached: ${claims.acr}`);
  return { id_token: claims, userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub) };
}

createServer(async (request, response) => {
  const url = new URL(request.url, `http://localhost:${port}`);
  try {
    if (url.pathname === "/") {
      response.writeHead(303, { Location: (await begin()).href }).end();
    } else if (url.pathname === "/callback") {
      const shown = JSON.stringify(await finish(url), null, 2);
      response.writeHead(200, { "Content-Type": "application/json; charset=utf-8" }).end(shown);
    } else {
      response.writeHead(404).end();
    }
  } catch (problem) {
    response.writeHead(400, { "Content-Type": "text/plain; charset=utf-8" }).end(`no login: ${problem.message}`);
  }
}).listen(port, "localhost");
