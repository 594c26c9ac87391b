import { validateHeaderValue } from 'node:http';
import { ApiError } from './cluster.ts';

/**
 * Throws ApiError where credentials cannot be sent. undici refuses them as well, and takes the connection that it had
 * chosen out of use, for ever (8.12.4).
 */
export function checkHeaders(headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderValue(name, value);
    } catch {
      throw new ApiError(0, 'Unsendable', `its credentials hold characters that no HTTP header may have (${name})`);
    }
  }
}

/** What is no API server may answer with the request that it got, and errors are logged. */
export function withoutCredentialsOf(headers: Record<string, string>, text: string): string {
  const secrets = Object.values(headers)
    .flatMap((value) => value.split(' '))
    .filter(({ length }) => length > 8);
  return secrets.reduce((left, secret) => left.replaceAll(secret, '…'), text);
}
