// node provider.js PORT STORE_SOCKET SETTINGS: oidc-provider with the clients of the benchmark.
// Its citizen logs in and consents once, without a page; later requests use that session and grant.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

import { RedisAdapter, connect } from './redis_adapter.js';

const [port, store, file] = process.argv.slice(2);
const { compat, fapi2, redirect_uri, secret, client_keys, signing_key } = JSON.parse(readFileSync(file, 'utf8'));
connect(store);

const common = {
  redirect_uris: [redirect_uri],
  response_types: ['code'],
  grant_types: ['authorization_code'],
  id_token_signed_response_alg: 'ES256',
  subject_type: 'pairwise',
};
const citizen = { family_name: 'Probe', given_name: 'Paula', birthdate: '1990-05-17' };

const provider = new Provider(`http://localhost:${port}`, {
  adapter: RedisAdapter,
  clients: [
    { ...common, client_id: compat, client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' },
    {
      ...common,
      client_id: fapi2,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: client_keys,
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
    },
  ],
  jwks: { keys: [signing_key] },
  cookies: { keys: ['a key of a benchmark'] },
  claims: { openid: ['sub'], profile: Object.keys(citizen) },
  subjectTypes: ['pairwise'],
  pairwiseIdentifier: (ctx, accountId, client) => `${client.clientId}-${accountId}`,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true },
    fapi: { enabled: true, profile: (ctx, client) => (client?.clientId === fapi2 ? '2.0' : undefined) },
  },
  ttl: { Session: 1800, Grant: 1800, Interaction: 900, AccessToken: 300, AuthorizationCode: 30, IdToken: 300 },
  findAccount: (ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId, ...citizen }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
});

async function interact(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: 'paula', clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId: 'paula' }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const handle = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    handle(request, response);
    return;
  }
  interact(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
}).listen(Number(port), '127.0.0.1');
