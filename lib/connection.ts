/** What a transport needs of a way into a cluster: a kubeconfig, an EKS cluster, a secret. */
export interface Connection {
  readonly name: string;
  readonly server: URL;
  readonly tls: TlsOptions;
  /** May run an exec plugin or sign a token, so it is asked again when what it gave ages. */
  headers(): Promise<Record<string, string>>;
  /** What helps where the API server does not accept the credentials; left out: they are those of a kubeconfig. */
  readonly mend?: string;
  /**
   * Asked when the API server is in trouble with this connection: the one to go on with, or `undefined` for the same with
   * new headers. Left out: there never is another. It bounds its own time.
   */
  renewed?(trouble: Trouble): Promise<Connection | undefined>;
}

/**
 * `refused`: the API server answered 401, with its own time in milliseconds where it told it. `astray`: nobody is met at
 * its address, or another than the certificate authority vouches for.
 */
export type Trouble =
  | { readonly kind: 'refused'; readonly serverTime: number | undefined }
  | { readonly kind: 'astray' };

/** TLS parameters under the names that node:tls gives them. */
export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}
