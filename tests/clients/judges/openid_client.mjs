// The profiles of issue 5 with openid-client, as its documentation shows them: node openid_client.mjs <profile>

import { createRemoteJWKSet, jwtVerify } from "jose";
import * as client from "openid-client";
import { citizen, fetchWithCertificate, hear, judge, privateKey, say } from "./judge.mjs";

const METHODS = {
  client_secret_basic: ({ secret }) => client.ClientSecretBasic(secret),
  client_secret_post: ({ secret }) => client.ClientSecretPost(secret),
  private_key_jwt: async ({ key }) => client.PrivateKeyJwt(await privateKey(key)),
  tls_client_auth: () => client.TlsClientAuth(),
  self_signed_tls_client_auth: () => client.TlsClientAuth(),
};

async function discover(settings, metadata = {}) {
  const options = {};
  if (settings.tls) options[client.customFetch] = fetchWithCertificate(settings.tls);
  const method = await METHODS[settings.method](settings);
  return client.discovery(new URL(settings.issuer), settings.client_id, metadata, method, options);
}

/** What is new in every login: parameters of the request, and what the answer is checked against. */
async function fresh({ redirect_uri, scope = "openid profile" }, more = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier,
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  };
  const parameters = {
    redirect_uri,
    scope,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    ...more,
  };
  return { checks, parameters };
}

async function learned(config, tokens, options) {
  const claims = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub, options);
  return { claims, userinfo, token_type: tokens.token_type };
}

async function plain(settings, config, more, atToken) {
  const { checks, parameters } = await fresh(settings, more);
  const landed = await citizen(client.buildAuthorizationUrl(config, parameters));
  return client.authorizationCodeGrant(config, landed, checks, atToken);
}

async function pushed(settings, config, { signingKey, ...options } = {}) {
  const { checks, parameters } = await fresh(settings);
  let sent = new URLSearchParams(parameters);
  if (signingKey) {
    sent = (await client.buildAuthorizationUrlWithJAR(config, sent, signingKey)).searchParams;
  }
  const landed = await citizen(await client.buildAuthorizationUrlWithPAR(config, sent, options));
  const tokens = await client.authorizationCodeGrant(config, landed, checks, undefined, options);
  return learned(config, tokens, options);
}

async function holder(config) {
  return { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256")) };
}

const profiles = {
  async basic(settings) {
    const config = await discover(settings);
    return learned(config, await plain(settings, config));
  },

  async "form-post"(settings) {
    const config = await discover(settings);
    return learned(config, await plain(settings, config, { response_mode: "form_post" }));
  },

  async fapi2(settings) {
    const config = await discover(settings);
    return pushed(settings, config, await holder(config));
  },

  async mtls(settings) {
    const config = await discover(settings, { use_mtls_endpoint_aliases: true });
    return pushed(settings, config);
  },

  async "message-signing"(settings) {
    const config = await discover(settings);
    client.useJwtResponseMode(config);
    return pushed(settings, config, { ...(await holder(config)), signingKey: await privateKey(settings.key) });
  },

  async encrypted(settings) {
    const { enc, alg } = settings.decryption;
    const config = await discover(settings, { userinfo_signed_response_alg: "ES256" });
    const key = await privateKey(settings.decryption.key);
    client.enableDecryptingResponses(config, [enc], { ...key, alg });
    const tokens = await plain(settings, config);
    return { ...(await learned(config, tokens)), parts: tokens.id_token.split(".").length };
  },

  async logout(settings) {
    const config = await discover(settings);
    const tokens = await plain(settings, config);
    const again = await plain(settings, config, { prompt: "none" });
    const expected = client.randomState();
    const landed = await citizen(
      client.buildEndSessionUrl(config, {
        id_token_hint: tokens.id_token,
        post_logout_redirect_uri: settings.post_logout_redirect_uri,
        state: expected,
      }),
    );
    if (landed.searchParams.get("state") !== expected) throw new Error("state did not come back");
    const afterwards = await plain(settings, config, { prompt: "none" }).catch((problem) => problem.error);
    say({ logout_token: null });
    const { logout_token } = await hear();
    const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
    const told = await jwtVerify(logout_token, keys, {
      issuer: settings.issuer,
      audience: settings.client_id,
      typ: "logout+jwt",
      requiredClaims: ["iat", "exp", "jti", "events", "sid"],
      maxTokenAge: "2 minutes",
    });
    return {
      claims: tokens.claims(),
      again: again.claims(),
      landed: landed.href.split("?")[0],
      afterwards,
      told: told.payload,
    };
  },

  async "step-up"(settings) {
    const config = await discover(settings);
    const { resource } = settings;
    const pay = async (more) => {
      const tokens = await plain(settings, config, { resource, ...more }, { resource });
      const body = new URLSearchParams({ amount: "250,00", reference: "judge" });
      const address = new URL("payments", resource);
      const headers = new Headers({ "content-type": "application/x-www-form-urlencoded" });
      return client.fetchProtectedResource(config, tokens.access_token, address, "POST", body, headers);
    };
    const refusal = await pay({}).then(
      () => undefined,
      (problem) => problem.cause?.find(({ scheme }) => scheme === "bearer")?.parameters,
    );
    const { error, acr_values } = refusal ?? {};
    if (!acr_values) throw new Error(`no step-up was asked for: ${JSON.stringify(refusal)}`);
    const claims = { id_token: { acr: { essential: true, values: acr_values.split(" ") } } };
    const receipt = await (await pay({ claims: JSON.stringify(claims) })).json();
    return { error, acr_values, receipt };
  },
};

await judge(profiles, process.argv[2]);
