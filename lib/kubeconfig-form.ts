import * as z from 'zod';

const text = z.string().nullish();

/** What client-node takes as it is, whatever it is; kubectl refuses other types as well. */
export const kubeconfigForm = z.object({
  'current-context': text,
  contexts: z.array(z.object({ name: z.string() })).nullish(),
  clusters: z
    .array(
      z.object({
        name: z.string(),
        cluster: z
          .object({
            server: text,
            'certificate-authority': text,
            'certificate-authority-data': text,
            // Node throws at another type when the connection is on its way already, and nobody hears its end.
            'tls-server-name': text,
            'insecure-skip-tls-verify': z.boolean().nullish(),
            'proxy-url': text,
          })
          .nullish(),
      }),
    )
    .nullish(),
  users: z
    .array(
      z.object({
        name: z.string(),
        user: z
          .object({
            token: text,
            tokenFile: text,
            username: text,
            password: text,
            'client-certificate': text,
            'client-certificate-data': text,
            'client-key': text,
            'client-key-data': text,
          })
          .nullish(),
      }),
    )
    .nullish(),
});
