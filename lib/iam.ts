import type { Source } from './source.ts';

/** The policy of a role that reads these sources: metadata reads only, each source's own actions and no wildcard. */
export function readerPolicy(sources: readonly Source[]) {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'SkymirrorReads',
        Effect: 'Allow',
        Action: [...new Set(sources.flatMap(({ permissions }) => permissions))].toSorted(),
        Resource: '*',
      },
    ],
  };
}
