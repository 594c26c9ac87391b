import {
  brokenServer,
  type CallWhen,
  expiredContinue,
  lastPage,
  refuse,
  tooManyRequests,
  unauthorized,
} from '../../dev/kubernetes-proxy-faults.ts';
import {
  type Effect as AwsEffect,
  deny,
  expiredToken,
  fail,
  invalidToken,
  signatureMismatch,
  throttle,
  unavailable,
  type When,
} from '../../dev/proxy-faults.ts';
import type { AwsRequest } from '../../dev/proxy-request.ts';
import { truncatePage } from '../../dev/proxy-rows.ts';
import {
  answer,
  cut,
  delay,
  drip,
  type Effect,
  empty,
  html,
  lose,
  malformed,
  mislabelled,
  mixedUp,
  redirect,
  reset,
  shut,
  stray,
  truncated,
} from '../../dev/proxy-rules.ts';

/** Makes the effect of a kind; `size` from 0 to 1 says how much of it. */
type Make<Of> = (size: number) => Of;

const everywhere: Readonly<Record<string, Make<Effect>>> = {
  late: (size) => delay(1 + 300 * size),
  slow: (size) => drip(1 + 400 * size),
  reset,
  'done, answer lost': lose,
  'broken off': cut,
  truncated,
  empty,
  malformed: () => malformed(),
  'web page': () => html(),
  'web page (403)': () => html(403),
  redirect: (size) => redirect(size < 0.5 ? 302 : 307),
  'wrong content type': () => mislabelled(),
  'connection refused': () => shut('refused'),
  'handshake cut': (size) => shut('handshake cut', 1 + Math.floor(20 * size)),
};

/** What befalls requests to an API server. */
export const clusterKinds: Readonly<Record<string, Make<Effect>>> = {
  ...everywhere,
  'very late': (size) => delay(200 + 1000 * size),
  'done when given up': (size) => stray(1000 * size),
  'mixed up': mixedUp,
  '429': () => tooManyRequests(),
  '429 for seconds': (size) => tooManyRequests(Math.round(2 * size)),
  '429 until a date': (size) => tooManyRequests(new Date(Date.now() + 3000 * size)),
  '500': () => brokenServer(500),
  '502': () => brokenServer(502),
  '503': () => brokenServer(503),
  '504': () => brokenServer(504),
  '401': unauthorized,
  '403': () => refuse(403, 'Forbidden', 'denied by policy'),
  '410': expiredContinue,
  'half a list': lastPage,
  'wrong host': (size) => shut('wrong host', 1 + Math.floor(20 * size)),
  'expired certificate': (size) => shut('expired', 1 + Math.floor(20 * size)),
  'self-signed certificate': (size) => shut('self-signed', 1 + Math.floor(20 * size)),
};

/** What befalls calls of AWS. */
export const awsKinds: Readonly<Record<string, Make<AwsEffect>>> = {
  ...everywhere,
  Throttling: throttle,
  '429': () => answer(429, ''),
  '429 for seconds': (size) => answer(429, '', { 'retry-after': String(Math.round(size)) }),
  '429 until a date': (size) => answer(429, '', { 'retry-after': new Date(Date.now() + 1000 * size).toUTCString() }),
  '500': () => fail('InternalFailure', 'The request processing has failed.', 500),
  '502': () => answer(502, '<html>'),
  '503': unavailable,
  '504': () => answer(504, '<html>'),
  AccessDenied: deny,
  ExpiredToken: expiredToken,
  InvalidClientTokenId: invalidToken,
  SignatureDoesNotMatch: signatureMismatch,
  'half a list': () => truncatePage().do,
};

const objects = { resource: 'rdsinstances' } as const;
const scans = { resource: 'mirrorscans' } as const;

/** Where faults hit an API server. */
export const clusterPlaces: Readonly<Record<string, CallWhen>> = {
  anywhere: {},
  list: { ...objects, verb: 'list' },
  'further pages': { ...objects, verb: 'list', match: ({ isContinued }) => isContinued },
  get: { ...objects, verb: 'get' },
  create: { ...objects, verb: 'create' },
  status: { ...objects, verb: 'update', subresource: 'status' },
  delete: { ...objects, verb: 'delete' },
  'scan read': { ...scans, verb: 'get' },
  'scan write': { ...scans, verb: 'update' },
  events: { resource: 'events' },
  'schema and namespace': { match: ({ resource }) => resource.startsWith('custom') || resource === 'namespaces' },
};

const describing = { service: 'rds', action: 'DescribeDBInstances' };
const isGet = ({ parameters }: AwsRequest) => parameters.DBInstanceIdentifier !== undefined;
const isFiltered = ({ parameters }: AwsRequest) => parameters['Filters.Filter.1.Name'] !== undefined;

/** Where faults hit AWS. */
export const awsPlaces: Readonly<Record<string, When>> = {
  anywhere: {},
  list: { ...describing, match: (request) => !isGet(request) && !isFiltered(request) },
  get: { ...describing, match: isGet },
  'get of many': { ...describing, match: isFiltered },
  AssumeRole: { service: 'sts', action: 'AssumeRole' },
  GetCallerIdentity: { service: 'sts', action: 'GetCallerIdentity' },
};
