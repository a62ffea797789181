// A FAPI 2.0 service, complete: PAR, PKCE, private_key_jwt, DPoP and logout, on openid-client.
//
//     node docs/examples/fapi2_relying_party.mjs
//
// Environment: ISSUER, PORT (default 8500). It registers itself when it starts, which only a sandbox
// allows; with an operator, its registration is a file and its key has a home. Then open
// http://localhost:<PORT>/.

import { createServer } from "node:http";
import * as client from "openid-client";

const issuer = new URL(process.env.ISSUER ?? "http://localhost:8400");
const port = process.env.PORT ?? "8500";
const base = `http://localhost:${port}`;
const redirect_uri = `${base}/callback`;
const level = "http://eidas.europa.eu/LoA/substantial";

const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
  "sign",
  "verify",
]);
const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);

const config = await client.dynamicClientRegistration(
  issuer,
  {
    client_class: "fapi2",
    client_name: "FAPI 2.0 example",
    redirect_uris: [redirect_uri],
    post_logout_redirect_uris: [`${base}/bye`],
    token_endpoint_auth_method: "private_key_jwt",
    dpop_bound_access_tokens: true,
    jwks: { keys: [{ kty, crv, x, y, kid: "1", use: "sig", alg: "ES256" }] },
  },
  client.PrivateKeyJwt({ key: privateKey, kid: "1" }),
  // Only for a sandbox on http://localhost.
  issuer.protocol === "http:" ? { execute: [client.allowInsecureRequests] } : undefined,
);

const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));

// What we remember per login until the answer comes, by state; a real service uses its session.
const pending = new Map();
let idToken; // for the logout; a real service keeps it in the citizen's session

async function begin() {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  pending.set(expectedState, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true });
  return client.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri,
      scope: "openid profile",
      state: expectedState,
      nonce: expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      claims: JSON.stringify({ id_token: { acr: { essential: true, values: [level] } } }),
    },
    { DPoP },
  );
}

async function finish(url) {
  const checks = pending.get(url.searchParams.get("state"));
  pending.delete(url.searchParams.get("state"));
  if (!checks) throw new Error("unknown or used state");
  // Checks state, iss, signature, aud, exp and nonce; throws if anything is wrong.
  const tokens = await client.authorizationCodeGrant(config, url, checks, undefined, { DPoP });
  const claims = tokens.claims();
  if (claims.acr !== level) throw new Error(`level not reached: ${claims.acr}`);
  idToken = tokens.id_token;
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP });
  return { id_token: claims, userinfo };
}

// Where to send the citizen to end the gateway's session as well (RP-Initiated Logout).
function end() {
  return client.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: `${base}/bye` });
}

createServer(async (request, response) => {
  const url = new URL(request.url, base);
  try {
    if (url.pathname === "/" || url.pathname === "/logout") {
      const target = url.pathname === "/" ? await begin() : end();
      response.writeHead(303, { Location: target.href }).end();
    } else if (url.pathname === "/callback") {
      const shown = JSON.stringify(await finish(url), null, 2);
      response.writeHead(200, { "Content-Type": "application/json; charset=utf-8" }).end(shown);
    } else if (url.pathname === "/bye") {
      response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8" }).end("logged out");
    } else {
      response.writeHead(404).end();
    }
  } catch (problem) {
    response.writeHead(400, { "Content-Type": "text/plain; charset=utf-8" }).end(`no login: ${problem.message}`);
  }
}).listen(port, "localhost");
