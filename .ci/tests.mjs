// Of the last `npm test`: "passed failed" on the standard output, and what failed, once more, on the standard error,
// because a test's own words are far up in a log of which often only the end is kept.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const linesOfEach = 20;
const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync('coverage/tests.json', 'utf8'));

function tell(name, messages) {
  const lines = stripVTControlCharacters(messages.join('\n')).split('\n');
  const told = lines.filter((line) => !line.includes('node_modules')).slice(0, linesOfEach);
  console.error([`\nFAILED ${name}`, ...told].join('\n  '));
}

for (const { name, status, message, assertionResults } of testResults) {
  if (status !== 'failed') continue;
  const file = relative('.', name);
  if (message) tell(file, [message]);
  for (const test of assertionResults.filter((each) => each.status === 'failed')) {
    tell(`${file}: ${test.fullName}`, test.failureMessages ?? []);
  }
}
console.log(numPassedTests, numFailedTests);
