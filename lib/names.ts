import { createHash } from 'node:crypto';

/** Crockford's base32 in lower case: no letter that can be taken for a digit. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const hashLength = 13;
const slugLength = 49;

/** Thirteen base32 characters (65 bits) of the SHA-256 of the parts; legal in names and label values. */
export function shortHash(...parts: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest();
  let bits = digest.readBigUInt64BE(0) * 2n + BigInt(digest.readUInt8(8) >> 7);
  let text = '';
  for (let index = 0; index < hashLength; index += 1) {
    text = alphabet.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
}

/** A number from 0 to below 1 that stands for the text, spread evenly by its hash. */
export function spread(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}

/**
 * The object name of an external resource: a readable slug, then a hash of the kind and the exact identity, 63
 * characters at most, so that it is also a legal label value. Changing this function renames every object.
 */
export function objectName(kind: string, readable: string, id: string): string {
  const slug = readable
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, slugLength)
    .replace(/^-|-$/g, '');
  return `${slug === '' ? kind.toLowerCase() : slug}-${shortHash(kind, id)}`;
}

/** The label value that stands for a scope: a hash, because no order of legal values fits 63 characters. */
export function scopeHash(scope: Readonly<Record<string, string>>): string {
  return shortHash(...Object.entries(scope).flat());
}

/** True where the text is a legal label value (api-conventions: at most 63, alphanumeric ends). */
export function isLabelValue(text: string): boolean {
  return text.length <= 63 && /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(text);
}

/** True where the text is legal as the part of a label key behind the slash. */
export function isLabelName(text: string): boolean {
  return text !== '' && isLabelValue(text);
}
