"""Invented numbers, dates, times, sums of money, addresses and notes in four languages."""

from __future__ import annotations

import numpy as np

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
_DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
}
_LABELS = {
    "en": "Name: |Date: |Address: |Tel. |Phone: |Total: |No. |p. |Ref. |Page |Room |Age: |Invoice no. ",
    "fr": "Nom : |Date : |Adresse : |Tél. |Total : |N° |p. |Réf. |Page |Montant : |Facture n° ",
    "de": "Name: |Datum: |Adresse: |Tel. |Summe: |Nr. |S. |Seite |Betrag: |Rechnung Nr. ",
    "es": "Nombre: |Fecha: |Dirección: |Tel. |Total: |N.º |pág. |Página |Importe: |Factura n.º ",
}
_NAMES = [
    "anna",
    "paul",
    "marie",
    "jean",
    "lucas",
    "emma",
    "klaus",
    "maria",
    "jose",
    "lea",
    "tom",
    "nina",
    "max",
    "john",
    "mary",
    "peter",
    "laura",
    "hugo",
    "eva",
]
_HOSTS = ["mail.com", "post.org", "example.net", "web.de", "orange.fr", "correo.es", "uni.edu", "inbox.co.uk"]
_WORDS = (
    "art atelier bank bahn bio book box cafe casa city club data design doc east eco edition ferme film flora forum "
    "garten green haus hotel idea jardin kids kunst lab land libro line livre luz maison markt media mode music "
    "museo news north nova ocean office open papier photo plus press radio school shop sol sport stadt studio tech "
    "theatre tour travel verlag vie villa vino web west wiki work world zen zoo"
)
_TOP_LEVEL = "com com com org net fr fr de de es co.uk eu ch be info edu io app"
_ENDINGS = ["", "", "", "", ".html", ".pdf", ".php", ".jpg"]


def _pick(rng: np.random.Generator, options: list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _number(rng: np.random.Generator, language: str) -> str:
    value = int(10 ** rng.uniform(0, 6))
    style = int(rng.integers(4))
    point = "." if language == "en" else ","
    group = {"en": ",", "fr": " ", "de": ".", "es": "."}[language]
    if style == 0:
        return f"{value:,}".replace(",", group)
    if style == 1:
        return f"{value % 1000}{point}{int(rng.integers(100)):02d}"
    return str(value)


def _money(rng: np.random.Generator, language: str) -> str:
    amount = _number(rng, language)
    if language == "en":
        return _pick(rng, [f"${amount}", f"£{amount}", f"$ {amount}", f"€{amount}", f"{amount} dollars"])
    return f"{amount} {_pick(rng, ['€', 'EUR', 'euros' if language != 'de' else 'Euro'])}"


def _date(rng: np.random.Generator, language: str) -> str:
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(12)), int(rng.integers(1840, 2030))
    name = _MONTHS[language].split()[month]
    numeric = _pick(rng, ["{d:02d}/{m:02d}/{y}", "{d}.{m}.{y}", "{y}-{m:02d}-{d:02d}", "{d}/{m}/{s:02d}"])
    written = {
        "en": ["{n} {d}, {y}", "{d} {n} {y}", "{n} {d}th", "{w}, {n} {d}", "{a}. {d}, {y}"],
        "fr": ["le {d} {n} {y}", "{d} {n} {y}", "{w} {d} {n}", "Paris, le {d} {n} {y}"],
        "de": ["{d}. {n} {y}", "{w}, den {d}. {n} {y}", "am {d}. {n}"],
        "es": ["{d} de {n} de {y}", "{w}, {d} de {n}", "el {d} de {n}"],
    }[language]
    form = numeric if rng.random() < 0.35 else _pick(rng, written)
    weekday = _pick(rng, _DAYS[language].split())
    return form.format(d=day, m=month + 1, y=year, s=year % 100, n=name, a=name[:3], w=weekday)


def _time(rng: np.random.Generator, language: str) -> str:
    hour, minute = int(rng.integers(24)), int(rng.integers(60))
    forms = {
        "en": [
            f"{hour % 12 + 1}:{minute:02d} {_pick(rng, ['am', 'pm', 'a.m.', 'p.m.'])}",
            f"{hour:02d}:{minute:02d}",
        ],
        "fr": [f"{hour}h{minute:02d}", f"{hour} h {minute:02d}", f"{hour}h"],
        "de": [f"{hour}:{minute:02d} Uhr", f"{hour}.{minute:02d} Uhr", f"um {hour} Uhr"],
        "es": [f"{hour}:{minute:02d}", f"a las {hour % 12 + 1}:{minute:02d}"],
    }[language]
    return _pick(rng, forms)


def _phone(rng: np.random.Generator, language: str) -> str:
    digits = "".join(map(str, rng.integers(0, 10, 10)))
    if language == "fr":
        return " ".join(f"0{digits[1:]}"[i : i + 2] for i in range(0, 10, 2))
    forms = [f"({digits[:3]}) {digits[3:6]}-{digits[6:]}", f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"]
    return _pick(rng, [*forms, f"+{digits[:2]} {digits[2:5]} {digits[5:]}", f"0{digits[:4]}/{digits[4:]}"])


def _letters(rng: np.random.Generator, low: int, high: int) -> str:
    """Draw letters and digits that mean nothing, as in codes."""
    signs = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(signs[i] for i in rng.integers(0, len(signs), int(rng.integers(low, high + 1))))


def _label(rng: np.random.Generator) -> str:
    """Draw a part of an address: words, joined or not, or a code."""
    if rng.random() < 0.2:
        return _letters(rng, 2, 8)
    words = [
        _pick(rng, _WORDS.split()) if rng.random() < 0.7 else _pick(rng, _NAMES)
        for _ in range(int(rng.integers(1, 3)))
    ]
    return _pick(rng, ["", "-", ""]).join(words)


def _host(rng: np.random.Generator) -> str:
    return _pick(rng, _HOSTS) if rng.random() < 0.2 else f"{_label(rng)}.{_pick(rng, _TOP_LEVEL.split())}"


def _url(rng: np.random.Generator, language: str) -> str:
    """Invent an address of a page: with scheme or `www`, or neither, of up to three folders."""
    start = _pick(rng, ["https://", "https://www.", "http://", "http://www.", "www.", "www.", ""])
    path = "".join(
        f"/{_label(rng)}" for _ in range(int(rng.integers(0, 4)) if start else int(rng.integers(1, 3)))
    )
    end = _pick(rng, _ENDINGS) if path else _pick(rng, ["", "", "/"])
    if path and not end and rng.random() < 0.15:
        end = f"?{_pick(rng, ['id', 'p', 'q', 'page', 'lang'])}={_letters(rng, 1, 5)}"
    return f"{start}{_host(rng)}{path}{end}"


def _mailbox(rng: np.random.Generator, language: str) -> str:
    """Invent an e-mail address of any form."""
    user = _pick(
        rng,
        [_label(rng), f"{_pick(rng, _NAMES)[0]}.{_pick(rng, _NAMES)}", _email(rng, language).split("@")[0]],
    )
    return f"{user}@{_host(rng)}"


def _price(rng: np.random.Generator, language: str) -> str:
    """Invent an amount with two decimals, with its currency before or after it."""
    amount = f"{10 ** rng.uniform(0, 5):,.2f}"
    if language != "en":
        group = " " if language == "fr" else "."
        amount = amount.replace(",", "~").replace(".", ",").replace("~", group)
    if language == "en":
        return _pick(
            rng, [f"${amount}", f"£{amount}", f"€{amount}", f"$ {amount}", f"{amount} USD", f"-{amount}"]
        )
    return _pick(
        rng,
        [
            f"{amount} €",
            f"{amount} €",
            f"€ {amount}",
            f"EUR {amount}",
            f"{amount} EUR",
            f"{amount} F",
            amount,
        ],
    )


def _email(rng: np.random.Generator, language: str) -> str:
    joint = _pick(rng, [".", "_", "-", ""])
    user = f"{_pick(rng, _NAMES)}{joint}{_pick(rng, _NAMES)}"
    if rng.random() < 0.3:
        user += str(int(rng.integers(1, 2000)))
    return f"{user}@{_pick(rng, _HOSTS)}"


def _sum(rng: np.random.Generator, language: str) -> str:
    a, b = (int(10 ** rng.uniform(0, 3.5)) for _ in range(2))
    sign, value = [("+", a + b), ("-", a - b), ("x", a * b)][int(rng.integers(3))]
    return f"{a} {sign} {b} = {value}"


def _labeled(rng: np.random.Generator, language: str) -> str:
    return _pick(rng, _LABELS[language].split("|")) + _pick(
        rng, [_number(rng, language), _date(rng, language), _phone(rng, language)]
    )


def _percent(rng: np.random.Generator, language: str) -> str:
    return f"{int(rng.integers(0, 101))}{'%' if language == 'en' else ' %'}"


def _range(rng: np.random.Generator, language: str) -> str:
    first = int(rng.integers(1, 1990))
    return f"{_pick(rng, ['', '(', 'pp. '])}{first}-{first + int(rng.integers(1, 60))}".replace("(", "") + (
        _pick(rng, ["", ".", ",", ";"])
    )


def _code(rng: np.random.Generator, language: str) -> str:
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    head = "".join(letters[i] for i in rng.integers(0, len(letters), int(rng.integers(1, 4))))
    return f"{head}{_pick(rng, ['-', '/', ' ', ''])}{int(rng.integers(1, 100000))}"


_KINDS = [
    (_number, 3),
    (_money, 3),
    (_date, 6),
    (_time, 2),
    (_phone, 2),
    (_email, 2),
    (_sum, 1),
    (_labeled, 3),
    (_percent, 1),
    (_range, 1),
    (_code, 1),
]
_SHARE = np.array([share for _, share in _KINDS], np.float64) / sum(share for _, share in _KINDS)


_HEADS = {
    "url": ["", "", "", "see ", "voir ", "siehe ", "Web: ", "URL: "],
    "mail": ["", "", "", "e-mail: ", "Mail: ", "E-Mail: ", "contact : "],
    "price": ["", "", "", "Total: ", "Total : ", "= ", "Summe ", "Balance "],
}


def invent_code(rng: np.random.Generator, language: str) -> str:
    """Invent an address of a page or of a mailbox, or an amount, which no dictionary helps to read."""
    language = language if language in _MONTHS else "en"
    kind = _pick(rng, ["url", "url", "mail", "price"])
    make = {"url": _url, "mail": _mailbox, "price": _price}[kind]
    return _pick(rng, _HEADS[kind]) + make(rng, language)


def invent(rng: np.random.Generator, language: str) -> str:
    """Invent a note; languages without their own forms get the English ones."""
    make = _KINDS[int(rng.choice(len(_KINDS), p=_SHARE))][0]
    return make(rng, language if language in _MONTHS else "en")
