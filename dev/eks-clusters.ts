import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { request } from 'undici';
import { z } from 'zod';

/** Where a cluster is, as EKS tells it. */
export interface EksPlace {
  endpoint: string;
  /** PEM. */
  certificateAuthority: string;
}

/** The EKS API of moto, whose clusters are where the tests say. */
export interface EksClusters {
  /** For `AWS_ENDPOINT_URL_EKS`. */
  endpoint: string;
  /** The clusters that were asked for by DescribeCluster, in order. */
  described: readonly string[];
  /** Says where a cluster is that moto knows; moto itself invents a place. */
  place(cluster: string, place: EksPlace): void;
  /** Gives this answer for a cluster in the place of moto's, until it is placed again. */
  answer(cluster: string, status: number, body: object): void;
  stop(): Promise<void>;
}

const description = z.looseObject({ cluster: z.looseObject({}) });

/** Starts a server before moto (`target`), on a free port of this machine. */
export async function startEksClusters(target: string): Promise<EksClusters> {
  const places = new Map<string, EksPlace>();
  const answers = new Map<string, { status: number; body: string; type: string }>();
  const described: string[] = [];

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(502);
      response.end(`dev/eks-clusters.ts could not ask ${target}: ${error}. Is moto still running?`);
    });
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', headers, url = '/' } = incoming;
    const { connection, 'content-length': length, ...kept } = headers;
    const body = await buffer(incoming);
    const [, name = ''] = method === 'GET' ? (/^\/clusters\/([\w-]+)$/.exec(url) ?? []) : [];
    if (name !== '') described.push(name);
    const instead = answers.get(name);
    if (instead !== undefined) {
      response.writeHead(instead.status, { 'content-type': 'application/json', 'x-amzn-errortype': instead.type });
      response.end(instead.body);
      return;
    }
    const answer = await request(new URL(url, target), {
      method,
      headers: kept,
      body: body.length === 0 ? null : body,
    });
    const text = await answer.body.text();
    const place = places.get(name);
    const { 'content-length': old, 'transfer-encoding': encoding, connection: hop, ...answered } = answer.headers;
    response.writeHead(answer.statusCode, answered);
    response.end(place === undefined || answer.statusCode !== 200 ? text : placed(text, place));
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('dev/eks-clusters.ts: no TCP port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    described,
    place(cluster, place) {
      answers.delete(cluster);
      places.set(cluster, place);
    },
    answer(cluster, status, body) {
      const type = '__type' in body ? String(body.__type) : '';
      answers.set(cluster, { status, body: JSON.stringify(body), type });
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function placed(text: string, { endpoint, certificateAuthority }: EksPlace): string {
  const answer = description.parse(JSON.parse(text));
  const data = Buffer.from(certificateAuthority).toString('base64');
  return JSON.stringify({ ...answer, cluster: { ...answer.cluster, endpoint, certificateAuthority: { data } } });
}
