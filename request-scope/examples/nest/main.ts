// Nest on Express, or on Fastify as `npm start fastify`: requests in flight end before the database is closed.
import 'reflect-metadata';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  type MessageEvent,
  Module,
  type OnModuleDestroy,
  ParseIntPipe,
  Query,
  Sse,
} from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { GracefulShutdown, type Scope, withTimeout } from 'request-scope';
import { scopes } from 'request-scope/express';
import { finalize, fromEvent, interval, map, merge, type Observable, takeUntil } from 'rxjs';
import { buildReport } from '../report.js';
import { CancellationInterceptor, RequestScope } from './scope.ts';

@Injectable()
class Database implements OnModuleDestroy {
  private isOpen = true;

  save(report: string): string {
    if (!this.isOpen) throw new Error('the database is closed');
    return report;
  }

  onModuleDestroy(): void {
    this.isOpen = false;
  }
}

@Controller()
class ReportController {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(GracefulShutdown) private readonly shutdown: GracefulShutdown,
  ) {}

  @Get('report')
  async report(
    @RequestScope() scope: Scope,
    @Query('ms', new ParseIntPipe({ optional: true })) ms?: number,
  ): Promise<string> {
    const report = await withTimeout(scope, 5_000, ({ signal }) => buildReport(signal, ms));
    return this.database.save(report);
  }

  /** A stream without an end: it ends with the drain, which would otherwise wait for it. */
  @Sse('clock')
  clock(@RequestScope() { signal }: Scope): Observable<MessageEvent> {
    const drain = this.shutdown.signal;
    return interval(1_000).pipe(
      map(() => ({ data: new Date().toISOString() })),
      takeUntil(merge(fromEvent(signal, 'abort'), fromEvent(drain, 'abort'))),
      finalize(() => console.log(`/clock stopped: ${(signal.reason ?? drain.reason).message}`)),
    );
  }
}

@Module({
  controllers: [ReportController],
  providers: [
    Database,
    GracefulShutdown,
    { provide: APP_INTERCEPTOR, useClass: CancellationInterceptor },
  ],
})
class AppModule {}

const adapter = process.argv[2] === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: ['warn', 'error'] });
const shutdown = app.get(GracefulShutdown);
app.use(scopes({ shutdown }));
shutdown.attach(app.getHttpServer());
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
console.log(`listening on port ${app.getHttpServer().address().port}`);

// In place of app.enableShutdownHooks(), which closes the database while requests are in flight.
process.on('SIGTERM', async () => {
  await shutdown.drain(8_000);
  await app.close();
});
