import { parseArgs } from 'node:util';
import {
  CreateDBInstanceCommand,
  DeleteDBInstanceCommand,
  ModifyDBInstanceCommand,
  RDSClient,
} from '@aws-sdk/client-rds';

const help = `Changes something in the emulated AWS of a running demo, as a stand-in for the AWS CLI.

Usage (AWS_ENDPOINT_URL and the keys as the demo prints them):
  npm run outside -- create NAME [CLASS]
  npm run outside -- resize NAME CLASS
  npm run outside -- delete NAME
`;

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  const [verb, name, size] = positionals;
  if (values.help === true) {
    process.stdout.write(help);
    return;
  }
  if (process.env.AWS_ENDPOINT_URL?.startsWith('http://127.0.0.1:') !== true) {
    throw new Error('AWS_ENDPOINT_URL does not lead to a demo on this machine; export what the demo printed');
  }
  const client = new RDSClient({});
  const instance = { DBInstanceIdentifier: name };
  if (verb === 'create' && name !== undefined) {
    const engine = { Engine: 'postgres', EngineVersion: '17.4', AllocatedStorage: 20 };
    const master = { MasterUsername: 'administrator', MasterUserPassword: 'not-a-secret-in-moto' };
    await client.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: name,
        DBInstanceClass: size ?? 'db.t4g.micro',
        ...engine,
        ...master,
      }),
    );
  } else if (verb === 'resize' && name !== undefined && size !== undefined) {
    await client.send(
      new ModifyDBInstanceCommand({
        ...instance,
        DBInstanceIdentifier: name,
        DBInstanceClass: size,
        ApplyImmediately: true,
      }),
    );
  } else if (verb === 'delete' && name !== undefined) {
    await client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: name, SkipFinalSnapshot: true }));
  } else throw new Error(`"${positionals.join(' ')}" is not understood\n\n${help}`);
  console.log(`${verb} ${name}: done in ${process.env.AWS_REGION}`);
}

try {
  await main();
} catch (error) {
  const refused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
  const said = error instanceof Error ? error.message : String(error);
  console.error(
    `outside: ${refused ? `no demo answers at ${process.env.AWS_ENDPOINT_URL}; is it still running?` : said}`,
  );
  process.exitCode = 1;
}
