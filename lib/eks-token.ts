import { createHash, createHmac } from 'node:crypto';
import { dnsSuffixOf } from './partitions.ts';

/** Keys of an identity of AWS, as the SDK's providers give them. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** For whom and where a token is to count. */
export interface TokenClaim {
  /** Name of the EKS cluster. */
  readonly cluster: string;
  readonly region: string;
  readonly keys: AwsKeys;
  /** Milliseconds; the token counts for 15 minutes from here on. */
  readonly at: number;
}

/**
 * A bearer token for the API server of an EKS cluster: a signed question to STS, "who am I?", that EKS asks in the caller's
 * place. Only parameters that EKS's verifier allows (aws-iam-authenticator, pkg/token/token.go); nothing is sent for it.
 */
export function eksToken({ cluster, region, keys, at }: TokenClaim): string {
  const host = `sts.${region}.${dnsSuffixOf(region)}`;
  const time = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/sts/aws4_request`;
  const signedHeaders = 'host;x-k8s-aws-id';
  const query = Object.entries({
    Action: 'GetCallerIdentity',
    Version: '2011-06-15',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${keys.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    // As kubectl's plugins have it. The verifier takes 0 to 900, and counts 15 minutes from the date all the same.
    'X-Amz-Expires': '60',
    ...(keys.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': keys.sessionToken }),
    'X-Amz-SignedHeaders': signedHeaders,
  })
    // In the order that Signature Version 4 asks for (IAM User Guide, "Create a signed AWS API request").
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join('&');
  const headers = `host:${host}\nx-k8s-aws-id:${cluster}\n`;
  const request = ['GET', '/', query, headers, signedHeaders, hash('')].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, scope, hash(request)].join('\n');
  const key = [day, region, 'sts', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${keys.secretAccessKey}`);
  const url = `https://${host}/?${query}&X-Amz-Signature=${hmac(key, text).toString('hex')}`;
  return `k8s-aws-v1.${Buffer.from(url).toString('base64url')}`;
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** Percent-encoding by RFC 3986: encodeURIComponent leaves five characters more. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}
