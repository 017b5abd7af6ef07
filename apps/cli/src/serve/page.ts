/** A page to try the server by hand: it sends what is typed and shows the answer as text. */
export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>ferry serve</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
  input { font: inherit; width: 100%; box-sizing: border-box; }
  pre { white-space: pre-wrap; }
</style>
<h1>ferry serve</h1>
<p id="about"></p>
<form>
  <label>Item ids, oldest first, with commas between <input name="history"></label>
  <p>or</p>
  <label>A user <input name="user"></label>
  <p><button>Recommend</button></p>
</form>
<pre id="answer"></pre>
<script>
  const show = (id, text) => { document.getElementById(id).textContent = text; };
  const line = (item, i) =>
    (i + 1) + '. ' + item.title + '  (' + item.id + ', ' + item.score.toFixed(4) + ')';
  fetch('health').then((r) => r.json())
    .then((h) => show('about', h.model + ' on ' + h.domain + ', ' + h.items + ' items'));
  document.querySelector('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const { history, user } = Object.fromEntries(new FormData(event.target));
    const ids = history.split(',').map((id) => id.trim()).filter((id) => id !== '');
    const body = { ...(ids.length > 0 && { history: ids }), ...(user !== '' && { user }) };
    const answer = await fetch('recommend', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const found = await answer.json();
    show('answer', found.error ? found.error.message : found.items.map(line).join('\\n'));
  });
</script>
</html>
`;
