// serverless.yml falls back on this where .build/resources.json is missing.
throw new Error('the functions are not built: run "npm run build:functions" first, or "npm run deploy", which does it');
