import { type Filter, RDSClient } from '@aws-sdk/client-rds';
import { mapConcurrent } from '../../concurrent.ts';
import { UnseenError } from '../../source.ts';
import { isGone } from './explain.ts';
import { type AwsSession, clientOf } from './provider.ts';

/** The call that describes the rows of one kind, and the names that it gives to things. */
export interface Description<Row> {
  readonly action: string;
  /** The name of the filter that takes ARNs. */
  readonly filter: string;
  page(client: RDSClient, question: Question, signal: AbortSignal): Promise<Page<Row>>;
  arnOf(row: Row): string | undefined;
}

/** The parameters of one such call. `arn`: this row and no other. */
export interface Question {
  readonly MaxRecords: number;
  readonly Marker?: string;
  readonly Filters?: Filter[];
  readonly arn?: string | undefined;
}

/** What one such call answers; `undefined` where the answer lacks it. */
export interface Page<Row> {
  readonly rows: readonly Row[] | undefined;
  readonly marker: string | undefined;
}

const pageSize = 100;
const idsPerFilter = 100;
const inFlight = 4;

/** All rows of the account and region. */
export function listRows<Row>(
  session: AwsSession,
  description: Description<Row>,
  signal: AbortSignal,
): AsyncIterable<readonly Row[]> {
  return pages(session, description, {}, signal);
}

/** Many ids at once by a filter; what that does not return is asked for alone: only that is a clear "not found". */
export async function getRows<Row>(
  session: AwsSession,
  description: Description<Row>,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Row | Error | undefined>> {
  const rows = new Map<string, Row | Error | undefined>();
  for (let start = 0; start < ids.length && ids.length > 1; start += idsPerFilter) {
    const filter = { Name: description.filter, Values: ids.slice(start, start + idsPerFilter) };
    for (const row of await filtered(session, description, filter, signal)) {
      const arn = description.arnOf(row);
      if (arn !== undefined && ids.includes(arn)) rows.set(arn, row);
    }
  }
  const missing = ids.filter((id) => !rows.has(id));
  await mapConcurrent(missing, inFlight, async (id) => {
    rows.set(id, await getRow(session, description, id, signal));
  });
  return rows;
}

async function filtered<Row>(session: AwsSession, description: Description<Row>, filter: Filter, signal: AbortSignal) {
  try {
    return (await Array.fromAsync(pages(session, description, { Filters: [filter] }, signal))).flat();
  } catch (error) {
    if (isGone(`rds:${description.action}`, error)) return [];
    throw error;
  }
}

/** `undefined` only for the error that says "not found": the answer of a service that could look. */
async function getRow<Row>(session: AwsSession, description: Description<Row>, arn: string, signal: AbortSignal) {
  try {
    const [row] = (await Array.fromAsync(pages(session, description, { arn }, signal))).flat();
    const found = row === undefined ? undefined : description.arnOf(row);
    if (found === arn) return row;
    const answer = row === undefined ? 'an empty list' : (found ?? 'a row without an ARN');
    return new UnseenError('BadAnswer', `asked for ${arn}, AWS answered with ${answer}`);
  } catch (error) {
    if (isGone(`rds:${description.action}`, error)) return undefined;
    if (signal.aborted || !(error instanceof Error)) throw error;
    return error;
  }
}

async function* pages<Row>(
  session: AwsSession,
  description: Description<Row>,
  question: Pick<Question, 'Filters' | 'arn'>,
  signal: AbortSignal,
) {
  const client = clientOf(session, 'rds', () => new RDSClient(session.settings));
  const markers = new Set<string>();
  for (let marker = ''; ; ) {
    const next = { ...question, MaxRecords: pageSize, ...(marker === '' ? {} : { Marker: marker }) };
    session.calls += 1;
    const page = await description.page(client, next, signal);
    if (page.rows === undefined) throw new UnseenError('BadAnswer', `${description.action} answered without a list`);
    yield page.rows;
    marker = page.marker ?? '';
    if (marker === '') return;
    if (markers.has(marker)) throw new UnseenError('BadAnswer', `${description.action} gave the same Marker twice`);
    markers.add(marker);
  }
}
