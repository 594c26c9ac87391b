import type { KubernetesObject } from '../../lib/object.ts';
import { badRequest, Refusal, unknownToTheModel } from './api-answers.ts';
import type { Kind } from './api-kinds.ts';
import { isObject } from './api-schema.ts';

/** One page of a list. */
export interface Page {
  readonly items: readonly KubernetesObject[];
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue: string;
    readonly remainingItemCount?: number;
  };
}

/** Lists in pages of which each shows what was there when the first was read, until `compact`. */
export interface Pager {
  page(kind: Kind, query: URLSearchParams, now: () => Snapshot): Page;
  /** Forgets what its continue tokens stand for, as the API server does after some minutes, or etcd when it compacts. */
  compact(): void;
}

/** A collection at one moment, in the order of its keys. */
export interface Snapshot {
  readonly version: string;
  readonly objects: readonly KubernetesObject[];
}

const pageQuery = ['limit', 'continue', 'fieldSelector', 'labelSelector'];

/** A pager with no lists under way. */
export function newPager(): Pager {
  const rests = new Map<string, Snapshot>();
  let tokens = 0;
  return {
    compact: () => rests.clear(),
    page(kind, query, now) {
      const odd = [...query.keys()].find((key) => !pageQuery.includes(key));
      if (odd !== undefined) throw unknownToTheModel(`${odd} in the query of a list`);
      const { isChosen, isLooked } = selectorOf(kind, query);
      const { version, objects: all } = snapshotOf(query.get('continue') ?? '', now);
      const objects = all.filter(isLooked);
      const limit = limitOf(query.get('limit') ?? '0');
      const items: KubernetesObject[] = [];
      let looked = 0;
      for (; looked < objects.length && items.length < limit; looked += 1) {
        const object = objects[looked];
        if (object !== undefined && isChosen(object)) items.push(object);
      }
      const rest = objects.slice(looked);
      if (rest.length === 0) return { items, metadata: { resourceVersion: version, continue: '' } };
      tokens += 1;
      const token = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, page: tokens })).toString(
        'base64url',
      );
      rests.set(token, { version, objects: rest });
      // With a selector nobody knows how many are left.
      const isPlain = !query.get('fieldSelector') && !query.get('labelSelector');
      const left = isPlain ? { remainingItemCount: rest.length } : {};
      return { items, metadata: { resourceVersion: version, continue: token, ...left } };
    },
  };

  function snapshotOf(token: string, now: () => Snapshot): Snapshot {
    if (token === '') return now();
    const rest = rests.get(token);
    if (rest !== undefined) return rest;
    if (!Buffer.from(token, 'base64url').toString().startsWith('{')) {
      throw badRequest('invalid continue token: continue key is not valid');
    }
    throw new Refusal(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result.',
    );
  }
}

function limitOf(text: string): number {
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text) > 0 ? Number(text) : Number.POSITIVE_INFINITY;
}

type Chooser = (object: KubernetesObject) => boolean;

/** Of a list that is of one name nothing else is looked at, so that nothing can be left. */
function selectorOf(kind: Kind, query: URLSearchParams): { readonly isChosen: Chooser; readonly isLooked: Chooser } {
  const parts = partsOf(query.get('fieldSelector') ?? '');
  const choosers = parts.map((part) => fieldChooser(kind, part));
  const ofName = choosers.filter((_, at) => /^metadata\.name==?[^=]/.test(parts[at] ?? ''));
  const labels = partsOf(query.get('labelSelector') ?? '').map(labelChooser);
  return {
    isChosen: (object) => [...choosers, ...labels].every((isOne) => isOne(object)),
    isLooked: (object) => ofName.every((isOne) => isOne(object)),
  };
}

/** Commas part, unless behind a backslash (fields.ParseSelector of apimachinery). */
function partsOf(selector: string): string[] {
  return selector.match(/(\\.|[^,\\])+/g) ?? [];
}

function fieldChooser(kind: Kind, part: string): Chooser {
  const [, field, sign, value] = /^([\w.]+)(!=|==|=)(.*)$/.exec(part) ?? [];
  if (field === undefined || value === undefined) {
    throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
  }
  if (!['metadata.name', 'metadata.namespace', ...kind.selectable].includes(field)) {
    throw badRequest(`field label not supported: ${field}`);
  }
  const wanted = value.replace(/\\(.)/g, '$1');
  return (object) => (textAt(object, field) === wanted) === (sign !== '!=');
}

/** A field that is not there counts as the empty text. */
function textAt(object: KubernetesObject, path: string): string {
  const found = path.split('.').reduce((at: unknown, key) => (isObject(at) ? at[key] : undefined), object);
  return found === undefined ? '' : String(found);
}

function labelChooser(part: string): Chooser {
  const [, not, key, sign, value] = /^(!?)([\w./-]+?)(?:(!=|==?)([\w.-]*))?$/.exec(part) ?? [];
  if (key === undefined) throw unknownToTheModel(`the label selector ${part}`);
  return ({ metadata: { labels = {} } }) => {
    if (sign === undefined) return Object.hasOwn(labels, key) === (not === '');
    return (labels[key] === value) === (sign !== '!=');
  };
}
