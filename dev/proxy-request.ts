/** One call of an AWS API as the proxy understood it, before it is answered. */
export type AwsRequest = {
  readonly service: string;
  readonly action: string;
  /** The account that the caller's access key belongs to; `unknown` until the proxy has learned the key. */
  readonly account: string;
  readonly region: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly at: Date;
  readonly accessKey: string;
  /** The caller's ARN, for AWS's own sentences. */
  readonly caller: string;
  readonly protocol: 'query' | 'json';
};

/** Whose access key a key is. */
export type Identity = { readonly account: string; readonly arn: string };

type Incoming = {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly url?: string;
};

const scope = /Credential=([^/,\s]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/;

/**
 * What a signed call asks for, in the query protocol (RDS, STS, IAM) or a JSON protocol (SQS, EventBridge); of the REST
 * protocols only eks:DescribeCluster. Another request (moto's own `/moto-api/`) gives `undefined`.
 */
export function parseRequest(
  { headers, body, url = '/' }: Incoming,
  identities: ReadonlyMap<string, Identity>,
): AwsRequest | undefined {
  const [, accessKey = '', region = '', service = ''] = scope.exec(String(headers.authorization)) ?? [];
  if (accessKey === '') return undefined;
  const target = headers['x-amz-target'];
  const [, cluster] = service === 'eks' ? (/^\/clusters\/([^/?]+)$/.exec(url) ?? []) : [];
  const parameters =
    cluster === undefined ? (target === undefined ? formParameters(body) : jsonParameters(body)) : { Name: cluster };
  const named = target === undefined ? parameters.Action : String(target).split('.').at(-1);
  const action = cluster === undefined ? named : 'DescribeCluster';
  if (action === undefined) return undefined;
  const { account = 'unknown', arn: caller = `arn:aws:iam::unknown:user/${accessKey}` } =
    identities.get(accessKey) ?? {};
  const protocol = target === undefined && cluster === undefined ? 'query' : 'json';
  return { service, action, account, region, parameters, at: new Date(), accessKey, caller, protocol };
}

/** The access key and its owner that an answer of STS tells of, as AssumeRole and GetCallerIdentity do. */
export function learnIdentity(request: AwsRequest, xml: string): [accessKey: string, Identity] | undefined {
  if (request.service !== 'sts') return undefined;
  const arn = element(xml, 'Arn');
  const account = arn?.split(':')[4];
  const accessKey = request.action === 'GetCallerIdentity' ? request.accessKey : element(xml, 'AccessKeyId');
  return arn === undefined || account === undefined || accessKey === undefined
    ? undefined
    : [accessKey, { account, arn }];
}

/** The text of the first element of that name, still escaped. */
export function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}

/** The `Filters` of a query protocol call as lists of values by filter name; all of them must match in AWS. */
export function filtersOf({ parameters }: AwsRequest): Map<string, string[]> {
  const filters = new Map<string, string[]>();
  for (const [key, name] of Object.entries(parameters)) {
    const prefix = /^(Filters\.Filter\.\d+)\.Name$/.exec(key)?.[1];
    if (prefix === undefined) continue;
    const values = Object.entries(parameters).filter(([other]) => other.startsWith(`${prefix}.Values.Value.`));
    filters.set(
      name,
      values.map(([, value]) => value),
    );
  }
  return filters;
}

function formParameters(body: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(body));
}

function jsonParameters(body: string): Record<string, string> {
  const parsed: unknown = body === '' ? {} : JSON.parse(body);
  if (typeof parsed !== 'object' || parsed === null) return {};
  return Object.fromEntries(
    Object.entries(parsed).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
