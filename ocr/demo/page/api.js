// Requests to the server that the page came from. Addresses are relative, so that it may live below any path.

export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(`api/${address}`, options);
  } catch {
    throw new Refusal("The server cannot be reached; is it still running?", 0);
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let reason;
  try {
    reason = JSON.parse(text).error;
  } catch {
    reason = text.length < 300 ? text : "";
  }
  throw new Refusal(reason || `The server failed (${answer.status})`, answer.status);
}

const json = async (address, options) => (await ask(address, options)).json();

export const linePath = (page, line) => `files/${page.file}/pages/${page.number}/lines/${line}`;
export const pagePath = (page) => `files/${page.file}/pages/${page.number}`;

export const session = () => json("session");
export const readPage = (page) => json(pagePath(page));
export const gathered = () => json("corrections");
export const check = (page, line, text) =>
  json(linePath(page, line), { method: "PUT", body: text });
export const uncheck = (page, line) => json(linePath(page, line), { method: "DELETE" });
export const send = (file) =>
  json(`files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
export const remove = (file, lines) => ask(`files/${file}?lines=${lines}`, { method: "DELETE" });

// Fetched rather than linked to: what a link could not have would end in a broken file without a reason.
export async function save(address) {
  const answer = await ask(address);
  const named = /filename(?:\*=utf-8''|=")([^";]+)/i.exec(answer.headers.get("content-disposition"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = decodeURIComponent(named[1]);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
