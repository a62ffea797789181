// Storage of oidc-provider's models in Redis: JSON with expiry, indexes by session and by grant.
import Redis from 'ioredis';

let redis;

export function connect(path) {
  redis = new Redis({ path, keyPrefix: 'op:' });
}

const GRANTABLE = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);
const CONSUMABLE = new Set(['AuthorizationCode', 'RefreshToken', 'PushedAuthorizationRequest']);

export class RedisAdapter {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    const batch = redis.multi();
    if (CONSUMABLE.has(this.model)) {
      batch.hset(key, { payload: JSON.stringify(payload) });
      if (expiresIn) batch.expire(key, expiresIn);
    } else if (expiresIn) {
      batch.set(key, JSON.stringify(payload), 'EX', expiresIn);
    } else {
      batch.set(key, JSON.stringify(payload));
    }
    if (GRANTABLE.has(this.model) && payload.grantId) {
      batch.rpush(`grant:${payload.grantId}`, key);
      if (expiresIn) batch.expire(`grant:${payload.grantId}`, expiresIn);
    }
    if (payload.uid) {
      batch.set(`uid:${payload.uid}`, id, 'EX', expiresIn ?? 3600);
    }
    await batch.exec();
  }

  async find(id) {
    const key = this.key(id);
    if (CONSUMABLE.has(this.model)) {
      const { payload, consumed } = await redis.hgetall(key);
      return payload ? { ...JSON.parse(payload), ...(consumed ? { consumed } : {}) } : undefined;
    }
    const payload = await redis.get(key);
    return payload ? JSON.parse(payload) : undefined;
  }

  async findByUid(uid) {
    const id = await redis.get(`uid:${uid}`);
    return id ? this.find(id) : undefined;
  }

  async consume(id) {
    await redis.hset(this.key(id), 'consumed', Math.floor(Date.now() / 1000));
  }

  async destroy(id) {
    await redis.del(this.key(id));
  }

  async revokeByGrantId(grantId) {
    const index = `grant:${grantId}`;
    const keys = await redis.lrange(index, 0, -1);
    await redis.del(index, ...keys);
  }
}
