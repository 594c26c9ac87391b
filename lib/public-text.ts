import { plainText } from './plain-text.ts';

/**
 * From where on an error text of AWS's SDK may carry credentials: the canonical request holds the session token, a failed
 * command its arguments, a header its signature, and V8 quotes the JSON that it cannot parse.
 */
const confidential =
  /[\r\n]|the canonical string|x-amz-security-token|AWS4-HMAC|(?<=command failed):|, (?:\.{3})?"(?=.*not valid JSON)/i;
const longest = 500;

/** The first line of an error text, without what is nobody's business: for logs, reports and messages. */
export function publicText(text: string): string {
  const [line = ''] = text.trim().split(confidential, 1);
  return plainText(line.trim(), longest).replace(/\s+/g, ' ').trim();
}
