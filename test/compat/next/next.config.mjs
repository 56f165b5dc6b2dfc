import { fileURLToPath } from 'node:url';

const handler = fileURLToPath(new URL('./cache-handler.mjs', import.meta.url));

const config = {
  cacheHandler: handler,
  cacheHandlers: { default: handler, remote: handler },
  cacheMaxMemorySize: 0,
  output: 'standalone',
};
export default config;

if (process.env.CACHE_COMPONENTS === '1') config.cacheComponents = true;
