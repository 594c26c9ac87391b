import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { Aws } from './aws.ts';
import { rewrite } from './proxy-faults.ts';

/** Ids of the RDS User Guide, "Amazon RDS event categories and event messages". */
const ids: Readonly<Record<string, string>> = {
  CreateDBInstance: 'RDS-EVENT-0005',
  ModifyDBInstance: 'RDS-EVENT-0014',
  DeleteDBInstance: 'RDS-EVENT-0003',
};

/** What tells of changes, until it is stopped. */
export interface Announcer {
  stop(): void;
}

/** Puts the event on the bus that RDS would, after each change of an instance that passes the proxy: moto has none. */
export function announceChanges(aws: Aws, onProblem: (problem: string) => void): Announcer {
  const clients = new Map<string, EventBridgeClient>();
  const clientOf = (account: string, region: string) => {
    const settings = { endpoint: aws.motoEndpoint, region, credentials: aws.administrator(account) };
    const client = clients.get(`${account} ${region}`) ?? new EventBridgeClient(settings);
    clients.set(`${account} ${region}`, client);
    return client;
  };
  const fault = aws.faults.add({
    when: { service: 'rds', match: ({ action }) => ids[action] !== undefined },
    do: rewrite((body, { action, account, region, parameters }, status) => {
      const identifier = parameters.DBInstanceIdentifier ?? '';
      const arn = `arn:aws:rds:${region}:${account}:db:${identifier}`;
      const detail = { SourceType: 'DB_INSTANCE', SourceArn: arn, SourceIdentifier: identifier, EventID: ids[action] };
      const entry = { Source: 'aws.rds', DetailType: 'RDS DB Instance Event', Resources: [arn] };
      const put = new PutEventsCommand({ Entries: [{ ...entry, Detail: JSON.stringify(detail) }] });
      if (status < 300)
        clientOf(account, region)
          .send(put)
          .catch((error: unknown) => onProblem(`the event of ${identifier}: ${error}`));
      return body;
    }),
  });
  return {
    stop() {
      fault.remove();
      for (const client of clients.values()) client.destroy();
    },
  };
}
