// The same profiles with oauth4webapi, step by step and with every check it has: node oauth4webapi.mjs <profile>

import * as oauth from "oauth4webapi";
import { citizen, fetchWithCertificate, judge, privateKey } from "./judge.mjs";

const METHODS = {
  client_secret_basic: ({ secret }) => oauth.ClientSecretBasic(secret),
  client_secret_post: ({ secret }) => oauth.ClientSecretPost(secret),
  private_key_jwt: async ({ key }) => oauth.PrivateKeyJwt(await privateKey(key)),
  tls_client_auth: () => oauth.TlsClientAuth(),
  self_signed_tls_client_auth: () => oauth.TlsClientAuth(),
};

async function party(settings, metadata = {}) {
  const options = settings.tls ? { [oauth.customFetch]: fetchWithCertificate(settings.tls) } : {};
  const issuer = new URL(settings.issuer);
  // The document of RFC 8414; openid-client reads that of OpenID Connect Discovery.
  const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...options });
  const as = await oauth.processDiscoveryResponse(issuer, found);
  const client = { client_id: settings.client_id, id_token_signed_response_alg: "ES256", ...metadata };
  return { as, client, options, method: await METHODS[settings.method](settings) };
}

async function flow(settings, { as, client, options, method }, { key, signed, more = {} } = {}) {
  const handle = key ? { DPoP: oauth.DPoP(client, key) } : {};
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  let sent = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: settings.redirect_uri,
    response_type: "code",
    scope: "openid profile",
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(signed ? { response_mode: "jwt" } : {}),
    ...more,
  });
  if (signed) {
    const request = await oauth.issueRequestObject(as, client, sent, await privateKey(settings.key));
    sent = new URLSearchParams({ client_id: client.client_id, request });
  }
  if (settings.push) {
    const answer = await oauth.pushedAuthorizationRequest(as, client, method, sent, { ...options, ...handle });
    const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, answer);
    sent = new URLSearchParams({ client_id: client.client_id, request_uri });
  }
  const address = new URL(as.authorization_endpoint);
  address.search = sent.toString();
  const landed = await citizen(address);
  const parameters = signed
    ? await oauth.validateJwtAuthResponse(as, client, landed, state, options)
    : oauth.validateAuthResponse(as, client, landed, state);
  const answer = await oauth.authorizationCodeGrantRequest(
    as, client, method, parameters, settings.redirect_uri, verifier, { ...options, ...handle, additionalParameters: more },
  );
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  await oauth.validateApplicationLevelSignature(as, answer, options);
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  return { tokens, claims, handle };
}

async function learned(at, { tokens, claims, handle }) {
  const { as, client, options } = at;
  const answer = await oauth.userInfoRequest(as, client, tokens.access_token, { ...options, ...handle });
  const userinfo = await oauth.processUserInfoResponse(as, client, claims.sub, answer);
  return { claims, userinfo, token_type: tokens.token_type };
}

const profiles = {
  async basic(settings) {
    const at = await party(settings);
    const found = await flow(settings, at);
    const result = await learned(at, found);
    const gone = await oauth.revocationRequest(at.as, at.client, at.method, found.tokens.access_token);
    await oauth.processRevocationResponse(gone);
    const refused = await learned(at, found).catch((problem) => problem.cause?.[0]?.parameters.error);
    return { ...result, refused };
  },

  async fapi2(settings) {
    const at = await party(settings);
    return learned(at, await flow(settings, at, { key: await oauth.generateKeyPair("ES256") }));
  },

  async mtls(settings) {
    const at = await party(settings, { use_mtls_endpoint_aliases: true });
    return learned(at, await flow(settings, at));
  },

  async "message-signing"(settings) {
    const at = await party(settings, { authorization_signed_response_alg: "ES256" });
    return learned(at, await flow(settings, at, { key: await oauth.generateKeyPair("ES256"), signed: true }));
  },

  async "access-token"(settings) {
    const at = await party(settings);
    const { tokens } = await flow(settings, at, { more: { resource: settings.resource } });
    const call = new Request(settings.resource, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    return { access_token: await oauth.validateJwtAccessToken(at.as, call, settings.resource) };
  },
};

await judge(profiles, process.argv[2]);
