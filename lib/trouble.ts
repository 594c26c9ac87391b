import type { ApiError } from './cluster.ts';
import type { Trouble } from './connection.ts';

/**
 * What Node, OpenSSL and undici say of a host that is not there, that takes nobody, or that is another (Node.js
 * documentation, "X509 certificate error codes" and "Common system errors").
 */
const astrayCodes: readonly unknown[] = [
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

/** What a failed request says about its connection; `undefined`: nothing that another connection would mend. */
export function troubleOf(error: ApiError, serverTime?: number): Trouble | undefined {
  if (error.status === 401) return { kind: 'refused', serverTime };
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return astrayCodes.includes(code) ? { kind: 'astray' } : undefined;
}
