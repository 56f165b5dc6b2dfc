export const revalidate = 3600;

export default async function Page() {
  const answer = await fetch(`${process.env.ORIGIN}/data`, { next: { tags: ['data'], revalidate: 3600 } });
  return <p>{`page of ${process.pid}: ${await answer.text()}`}</p>;
}
