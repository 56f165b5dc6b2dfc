// Two requests to a Nest app with CacheModule, on a free port; prints both responses.
import 'reflect-metadata';
import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Keyv } from 'keyv';
import KeyvShmTable from 'shmtable/keyv';

const stores = [new Keyv({ store: new KeyvShmTable({ name: 'nest' }), throwOnErrors: true })];

@Controller('report')
@UseInterceptors(CacheInterceptor)
class ReportController {
  made = 0;

  @Get()
  report() {
    return { report: ++this.made, pid: process.pid };
  }
}

@Module({ imports: [CacheModule.register({ stores, ttl: 60_000 })], controllers: [ReportController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
for (let i = 0; i < 2; i++) console.log(await (await fetch(`${await app.getUrl()}/report`)).text());
await app.close();
