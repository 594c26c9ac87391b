import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type AwsProxy, startProxy } from './proxy.ts';
import { parseRequest } from './proxy-request.ts';
import { SqsRefusal } from './sqs-fake-attributes.ts';
import { createQueues } from './sqs-fake-queues.ts';

/** Emulated SQS (and the one call of STS that proves a place), behind the proxy of dev/proxy.ts with its faults and counts. */
export type SqsFake = Pick<AwsProxy, 'endpoint' | 'faults' | 'requests' | 'stop'> & {
  /** The fake itself, past the proxy: for filling it. */
  readonly directEndpoint: string;
};

/** What a fake may be told. */
export type SqsFakeOptions = {
  /** The account of each access key; others are strangers to it. */
  readonly accounts?: Readonly<Record<string, string>>;
  /** Milliseconds, for the times of queues. */
  readonly now?: () => number;
};

/** The account behind the access key that the environment of a test may use without options. */
const usual = { FAKE: '111122223333' };

/**
 * A server that speaks SQS's JSON protocol, for what moto does otherwise than AWS (no paging, lenient attributes) and
 * because it is in this process. test/dev/sqs-fake.test.ts holds it to moto and lists where they differ.
 */
export async function startSqsFake({ accounts = usual, now = Date.now }: SqsFakeOptions = {}): Promise<SqsFake> {
  const answer = createQueues(now);
  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      response.writeHead(500).end(`dev/sqs-fake.ts: ${error}`);
    });
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(incoming);
    const call = parseRequest({ headers: incoming.headers, body }, new Map());
    const account = call === undefined ? undefined : accounts[call.accessKey];
    if (call === undefined || account === undefined) {
      const shape = call === undefined ? 'MissingAuthenticationToken' : 'InvalidClientTokenId';
      return refuse(response, new SqsRefusal(shape, 'The access key is not one of the fake.'), 403);
    }
    if (call.protocol === 'query') return identify(response, account, call.accessKey);
    const base = `http://${incoming.headers.host}`;
    try {
      const { action, region } = call;
      const given = answer({ action, account, region, base, input: JSON.parse(body === '' ? '{}' : body) });
      response.writeHead(200, { 'content-type': contentType }).end(JSON.stringify(given));
    } catch (error) {
      if (!(error instanceof SqsRefusal)) throw error;
      refuse(response, error, 400);
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('The SQS fake did not get a TCP port: this is a bug in dev/sqs-fake.ts');
  const directEndpoint = `http://127.0.0.1:${address.port}`;
  const proxy = await startProxy(directEndpoint);
  return {
    endpoint: proxy.endpoint,
    directEndpoint,
    faults: proxy.faults,
    requests: proxy.requests,
    async stop() {
      await proxy.stop();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const contentType = 'application/x-amz-json-1.0';

/** The query protocol's code goes in a header of its own, for clients that knew that protocol (AWS JSON 1.0, "awsQueryCompatible"). */
function refuse(response: ServerResponse, { shape, code, message }: SqsRefusal, status: number): void {
  const headers = { 'content-type': contentType, 'x-amzn-query-error': `${code};Sender` };
  response.writeHead(status, headers).end(JSON.stringify({ __type: `com.amazonaws.sqs#${shape}`, message }));
}

function identify(response: ServerResponse, account: string, accessKey: string): void {
  const identity = `<Arn>arn:aws:iam::${account}:user/${accessKey}</Arn><UserId>${accessKey}</UserId><Account>${account}</Account>`;
  const result = `<GetCallerIdentityResult>${identity}</GetCallerIdentityResult>`;
  const xml = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${result}</GetCallerIdentityResponse>`;
  response.writeHead(200, { 'content-type': 'text/xml' }).end(xml);
}
