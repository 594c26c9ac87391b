// serverless.yml falls back on this where .build/resources.json is missing. What looks at a stack that is deployed, or
// removes it, needs nothing of it; what makes a stack would leave out most of it.
const words = process.argv.slice(2);
if (words.some((word, index) => word === 'package' || (word === 'deploy' && words[index + 1] !== 'list'))) {
  const mend = 'run "npm run build:functions" first, or "npm run deploy", which does it';
  // Thrown, it would stand in the middle of a stack trace of serverless.
  process.stderr.write(`the functions are not built: ${mend}\n`);
  process.exit(1);
}
module.exports = {};
