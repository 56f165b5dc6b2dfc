/** Other servers that keep rows for several processes and speak HTTP. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { scratchFolder } from '../scratch-folder.js';
import { startRedis } from '../servers/redis-server.js';
import { connectIoredis } from '../subjects/redis-clients.js';
import { redisRows } from '../subjects/redis-rows.js';
import { type HttpService, startHttp } from './services.js';

const NGINX_CONF = new URL('../../../bench/http/nginx.conf', import.meta.url);
const NGINX_LUA = '/usr/lib/nginx/modules/ngx_http_lua_module.so';

export async function startNginx(rows: number): Promise<HttpService> {
  if (!existsSync(NGINX_LUA)) throw new Error('not installed (Debian package libnginx-mod-http-lua)');
  const folder = scratchFolder();
  const conf = folder.path('nginx.conf');
  return startHttp('nginx, lua_shared_dict', (port) => {
    const filledIn = readFileSync(NGINX_CONF, 'utf8')
      .replaceAll('{{FOLDER}}', folder.path(''))
      .replace('{{PORT}}', String(port))
      .replace('{{LAST_ROW}}', String(rows - 1));
    writeFileSync(conf, filledIn);
    return {
      command: 'nginx',
      args: ['-p', folder.path(''), '-c', conf],
      debianPackage: 'nginx-light',
      cleanUp: folder.remove,
    };
  });
}

/** webdis, an HTTP interface to Redis. */
export async function startWebdis(rows: number): Promise<HttpService> {
  const redis = await startRedis();
  const folder = scratchFolder();
  const conf = folder.path('webdis.json');
  try {
    const keys = Array.from({ length: rows }, (_, i) => freshKey(i));
    const filled = await redisRows('webdis', connectIoredis(redis.socket), 1, '', keys);
    await filled.close();
    const service = await startHttp('webdis and Redis', (port) => {
      const settings = { http_host: '127.0.0.1', http_port: port, redis_host: redis.socket, redis_port: 0, threads: 1 };
      writeFileSync(conf, JSON.stringify({ ...settings, daemonize: false, logfile: folder.path('log'), verbosity: 0 }));
      return { command: 'webdis', args: [conf], debianPackage: 'webdis', cleanUp: folder.remove };
    });
    return {
      ...service,
      async stop() {
        await service.stop();
        await redis.stop();
      },
    };
  } catch (error) {
    await redis.stop();
    throw error;
  }
}
