import { startMoto } from '../../dev/aws-moto.ts';
import { startSqsFake } from '../../dev/sqs-fake.ts';

/** The account behind each access key `KEY<index>`. */
const accountOf = (index: number) => String(100_000_000_000 + index);
const accounts = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`KEY${index}`, accountOf(index)]));

export const urlOf = (account: string, queue: string) => `https://sqs.us-east-1.amazonaws.com/${account}/${queue}`;
export const arnOf = (account: string, queue: string) => `arn:aws:sqs:us-east-1:${account}:${queue}`;

export type Question = readonly [action: string, input: Record<string, unknown>];
type Answer = { readonly status: number; readonly code: string | null; readonly body: unknown };

/** moto and the fake side by side; each `pair()` is both of them in an account that nobody has used yet. */
export async function startBoth() {
  const [moto, fake] = await Promise.all([startMoto(), startSqsFake({ accounts })]);
  let used = 0;

  function pair() {
    const index = used;
    used += 1;
    const post = (endpoint: string, [action, input]: Question) => {
      const scope = `Credential=KEY${index}/20260101/us-east-1/sqs/aws4_request`;
      const headers = {
        authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0`,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AmazonSQS.${action}`,
        'x-moto-account-id': accountOf(index),
      };
      return fetch(endpoint, { method: 'POST', headers, body: JSON.stringify(input) });
    };
    const ask = async (endpoint: string, question: Question): Promise<Answer> => {
      const response = await post(endpoint, question);
      const text = await response.text();
      // moto answers its own bugs in HTML.
      const body = normal(response.status === 500 ? { __type: '#bug' } : JSON.parse(text));
      return { status: response.status, code: response.headers.get('x-amzn-query-error'), body };
    };
    return {
      account: accountOf(index),
      post,
      ofMoto: (question: Question) => ask(moto.endpoint, question),
      ofFake: (question: Question) => ask(fake.directEndpoint, question),
    };
  }

  return {
    moto,
    fake,
    pair,
    stop: () => Promise.all([moto.stop(), fake.stop()]),
  };
}

/** Without times, hosts, orders and the sentences of errors. */
function normal(body: Record<string, unknown>): unknown {
  const { __type: type, message: _m, Message: _M, ...rest } = body;
  return {
    ...(type === undefined ? {} : { error: String(type).split('#')[1] }),
    ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, normalValue(key, value)])),
  };
}

function normalValue(key: string, value: unknown): unknown {
  if (key === 'QueueUrl') return new URL(String(value)).pathname;
  if (/^queueUrls$/i.test(key)) return (value as string[]).map((url) => new URL(url).pathname).toSorted();
  if (key !== 'Attributes') return value;
  const {
    CreatedTimestamp: _c,
    LastModifiedTimestamp: _l,
    RedrivePolicy: redrive,
    ...others
  } = value as Record<string, string>;
  if (redrive === undefined) return others;
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(redrive);
  return { ...others, RedrivePolicy: [deadLetterTargetArn, Number(maxReceiveCount)] };
}
