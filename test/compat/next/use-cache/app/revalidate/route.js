import { revalidateTag } from 'next/cache';

export async function GET(request) {
  const { searchParams } = new URL(request.url);
  revalidateTag(searchParams.get('tag'), searchParams.get('profile') ?? { expire: 0 });
  return new Response('done');
}
