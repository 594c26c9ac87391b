/** One request as kube-apiserver gets it. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  /** Text is taken as it came over the wire, everything else as what its JSON says. */
  readonly body?: unknown;
  readonly contentType?: string;
}

/** What kube-apiserver says to it. The body is JSON, or text where there is no such path. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** One thing that is wrong with an object, as `details.causes` of an answer tells it. */
export interface Cause {
  readonly field: string;
  readonly reason: CauseReason;
}

/** As far as the model knows them (metav1.CauseType, k8s.io/apimachinery/pkg/util/validation/field). */
export type CauseReason =
  | 'FieldValueRequired'
  | 'FieldValueTypeInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueInvalid'
  | 'FieldValueForbidden'
  | 'FieldValueDuplicate'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany';

/** Thrown where a request ends with another answer than it asked for. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly answer: ApiAnswer;

  constructor(status: number, reason: string, message: string, details: object = {}) {
    super(message);
    const failure = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message };
    this.answer = { status, body: { ...failure, ...(reason === '' ? {} : { reason }), details, code: status } };
  }
}

/** What an object is called in an answer: `rdsinstances.aws.skymirror.dev "orders"`. */
export interface Named {
  readonly group: string;
  readonly plural: string;
  readonly name: string;
}

/** Which object it is, as messages say it. */
export function spoken({ group, plural, name }: Named): string {
  return `${group === '' ? plural : `${plural}.${group}`} "${name}"`;
}

/** There is no such object; without the reason NotFound it would be the whole kind. */
export function notFound(named: Named): Refusal {
  return new Refusal(404, 'NotFound', `${spoken(named)} not found`);
}

/** The name is taken. */
export function alreadyExists(named: Named, isGoing: boolean): Refusal {
  const going = isGoing ? 'object is being deleted: ' : '';
  return new Refusal(409, 'AlreadyExists', `${going}${spoken(named)} already exists`);
}

/** The object is not as the request supposes. */
export function conflict(named: Named, why: string): Refusal {
  return new Refusal(409, 'Conflict', `Operation cannot be fulfilled on ${spoken(named)}: ${why}`);
}

/** The request itself cannot be understood. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}

/** The object would break its schema or a rule. */
export function invalid(name: string, causes: readonly Cause[]): Refusal {
  const told = causes.map(({ field, reason }) => `${field}: ${reason}`).join(', ');
  return new Refusal(422, 'Invalid', `"${name}" is invalid: ${told}`, { name, causes });
}

/** What the model does not know. Nobody may rely on it, and the differential test asks for none of it. */
export function unknownToTheModel(what: string): Refusal {
  return new Refusal(501, 'NotImplemented', `the API server in memory does not know ${what}`);
}
