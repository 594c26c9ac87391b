import { secretMark } from '../../dev/secret-mark.ts';

/**
 * How every secret of the tests can be told, in plain and in base64: our own by their mark; what moto and AWS give by the
 * way in which each session token, each bearer token for EKS and each private key begins.
 */
const beginnings = {
  'a marked secret': secretMark,
  // moto 5.2.1, sts/utils.py: SESSION_TOKEN_PREFIX.
  'a session token': 'FQoGZXIvYXdzEBYaD',
  'a token for EKS': 'k8s-aws-v1.aHR0cHM6',
  'a private key': 'PRIVATE KEY-----\n',
} as const;

/** What a secret looks like in output, and whose that is. */
export interface Needle {
  readonly what: string;
  readonly bytes: Buffer;
}

/** What no output may hold. */
export const needles: readonly Needle[] = Object.entries(beginnings).flatMap(([what, text]) =>
  [Buffer.from(text), ...base64Forms(text)].map((bytes) => ({ what, bytes })),
);

/** What base64 makes of a text, wherever in the encoded bytes it begins: only the characters that no neighbour decides. */
function base64Forms(text: string): Buffer[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]).toString('base64');
    const [from, to] = [Math.ceil((offset * 8) / 6), Math.floor(((offset + text.length) * 8) / 6)];
    return Buffer.from(encoded.slice(from, to));
  });
}
