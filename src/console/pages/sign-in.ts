/** Asks for a token. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { messageOf } from '../client/problem.js';
import { keepToken, signOut } from '../client/session.js';
import { findAccess } from '../client/sign-in.js';
import { Dialog } from '../parts/dialog.js';
import { CheckboxField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { useTitle } from '../router.js';

interface SignInProps {
  /** Why the last token was not accepted. */
  readonly reason: string | undefined;
}

export function SignIn({ reason }: SignInProps): VNode {
  useTitle('Sign in');
  return html`<main id="content" class="sign-in" tabindex="-1">
    <h1>Sign in</h1>
    <p>This service wants a token. It is sent in a header and never becomes part of an address.</p>
    ${h(TokenForm, { reason })}
  </main>`;
}

/** Over a page that stays as it is, with what was typed there. */
export function SignInAgain({ reason }: SignInProps): VNode {
  return h(
    Dialog,
    { title: 'Sign in again', onClose: undefined },
    html`<div class="dialog-body">
      <p>The page behind stays as it is, with what you have typed.</p>
      ${h(TokenForm, { reason })}
      <p class="soft">
        Or <button type="button" class="quiet" onClick=${signOut}>leave the page</button>: then nothing of it is kept.
      </p>
    </div>`,
  );
}

function TokenForm({ reason }: SignInProps): VNode {
  const [token, setToken] = useState('');
  const [remember, setRemember] = useState(true);
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<string>();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    // A header can carry nothing else, and the browser would refuse to send it.
    if (!/^[\x21-\x7e]+$/.test(token.trim())) {
      setError('a token consists of printable ASCII characters without spaces');
      return;
    }
    setAsking(true);
    setError(undefined);
    keepToken(token.trim(), remember);
    try {
      await findAccess();
    } catch (problem) {
      setError(messageOf(problem));
    }
    setAsking(false);
  };
  return html`<form class="token-form" onSubmit=${submit}>
      ${h(TextField, {
        label: 'Token',
        type: 'password',
        value: token,
        onInput: setToken,
        error: error ?? reason,
        isRequired: true,
        autocomplete: 'current-password',
      })}
      ${h(CheckboxField, {
        label: 'Keep it until this tab is closed',
        isChecked: remember,
        onChange: setRemember,
        hint: 'Otherwise it is forgotten when the page is loaded again.',
      })}
      <button type="submit" class="primary" disabled=${isAsking}>${isAsking ? 'Signing in…' : 'Sign in'}</button>
    </form>`;
}
