import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Keys } from './aws-identities.ts';

/** What the signature of a token for an EKS cluster depends on. */
export interface Signed {
  host: string;
  cluster: string;
  region: string;
  keys: Keys;
  /** Milliseconds. */
  date: number;
  /** Seconds. */
  expires: number;
}

/** The signature of a token by the signer of the AWS SDK, which has nothing in common with lib/eks-token.ts. */
export async function signatureOf({ host, cluster, region, keys, date, expires }: Signed): Promise<string> {
  const signer = new SignatureV4({ service: 'sts', region, credentials: keys, sha256: Sha256 });
  const question = {
    method: 'GET',
    protocol: 'https:',
    hostname: host,
    path: '/',
    query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
    headers: { host, 'x-k8s-aws-id': cluster },
  };
  const { query } = await signer.presign(question, {
    signingDate: new Date(date),
    expiresIn: expires,
    unhoistableHeaders: new Set(['x-k8s-aws-id']),
  });
  return String(query?.['X-Amz-Signature']);
}

/** The signer takes a constructor. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret instanceof ArrayBuffer ? new Uint8Array(secret) : secret;
    this.#hash =
      key === undefined ? createHash('sha256') : createHmac('sha256', typeof key === 'string' ? key : bytesOf(key));
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('Sha256: the signer makes a new one for each hash');
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
