/** One request to the API server as the proxy understood it, in the words of RBAC. */
export type ApiCall = {
  readonly verb: Verb;
  /** '' for what is no resource, such as `/readyz`. */
  readonly resource: string;
  /** '' for the object itself. */
  readonly subresource: string;
  readonly namespace: string;
  /** '' in a list and in a create, where it is in the body. */
  readonly name: string;
  /** Whether it asks for a further page of a list. */
  readonly isContinued: boolean;
  readonly method: string;
  readonly path: string;
};

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

const written: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/**
 * What a request asks for, by its method and path (Kubernetes documentation, "Kubernetes API Concepts", "Resource URIs",
 * and "Authorization", "Determine the request verb"). The one name behind `/namespaces/` is a namespace itself.
 */
export function parseCall(method: string, url: string): ApiCall {
  const { pathname: path, searchParams } = new URL(url, 'https://127.0.0.1');
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const rest = parts[0] === 'api' ? parts.slice(2) : parts[0] === 'apis' ? parts.slice(3) : [];
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [resource = '', name = '', subresource = ''] = isNamespaced ? rest.slice(2) : rest;
  const reading = searchParams.get('watch') ? 'watch' : name === '' ? 'list' : 'get';
  const deleting = name === '' ? 'deletecollection' : 'delete';
  return {
    verb: written[method] ?? (method === 'DELETE' ? deleting : reading),
    resource,
    subresource,
    namespace: isNamespaced ? (rest[1] ?? '') : '',
    name,
    isContinued: searchParams.has('continue'),
    method,
    path,
  };
}
