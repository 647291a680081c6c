// What Nest needs besides the middleware: the scope as a handler's parameter, and a status for every cancellation.
import {
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  HttpException,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { causeOf, type Scope } from 'request-scope';
import { scopeOf } from 'request-scope/express';
import { catchError, type Observable } from 'rxjs';

/** The scope of a request, whichever the adapter: Fastify's reply has the response of node:http as `raw`. */
function scopeIn(context: ExecutionContext): Scope {
  const response = context.switchToHttp().getResponse();
  return scopeOf(response.raw ?? response);
}

/** Gives a handler the scope of its request: `report(@RequestScope() scope: Scope)`. */
export const RequestScope = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  scopeIn(context),
);

@Injectable()
export class CancellationInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const answerCancellation = (error: unknown) => {
      const cause = causeOf(error, scopeIn(context));
      if (!cause) throw error;
      const status = cause.code === 'deadline-exceeded' ? 504 : 503;
      throw new HttpException(cause.message, status, { cause });
    };
    return next.handle().pipe(catchError(answerCancellation));
  }
}
