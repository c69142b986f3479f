"""What is read before a decision, and what follows it, through real HTTP (D1.5, D6)."""

from collections import Counter
from pathlib import Path
from typing import Any

from services.cli import explain, rules
from services.cli.installation import open_installation
from services.cli.sample import NEW_REQUEST, SALES
from services.rules_file import dump
from tests.support.running import Running, running, until

LEADS = 50
LANGUAGE = 185_002
SPANISH, OTHERS = (501, 502), (503, 504)
STAGES = [{"pipeline": SALES, "stage": NEW_REQUEST}]
RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {
            "id": "spanish",
            "stages": STAGES,
            "conditions": {
                "tags": ["site"],
                "contact_fields": [{"field": LANGUAGE, "equals": "es"}],
            },
            "owners": {"sources": ["contact", "company"]},
            "participants": [{"manager": manager} for manager in SPANISH],
        },
        {
            "id": "others",
            "stages": STAGES,
            "participants": [{"manager": manager} for manager in OTHERS],
        },
    ],
}


async def test_D1_5_D6_1_conditions_and_owners_decide_in_few_calls(tmp_path: Path) -> None:
    async with running(tmp_path) as system:
        lead_ids, expected = await _leads_with_people(system)
        await _apply(system, tmp_path)
        before = len(await system.kommo.rows("requests"))
        await system.move(lead_ids)
        await until(lambda: _all_set(system, lead_ids))

        owners = await system.owners()
        for lead_id, managers in expected.items():
            assert owners[lead_id] in managers, lead_id
        shared = Counter(owners[lead_id] for lead_id in lead_ids if owners[lead_id] in OTHERS)
        assert abs(shared[OTHERS[0]] - shared[OTHERS[1]]) <= 1
        rows = (await system.kommo.rows("requests"))[before:]
        calls = Counter((row["method"], row["path"].partition("?")[0]) for row in rows)
        # However the webhooks bunch up, never a call per lead.
        assert calls["GET", "/api/v4/contacts"] <= LEADS // 5
        assert calls["GET", "/api/v4/companies"] <= LEADS // 5
        assert calls["PATCH", "/api/v4/leads"] <= LEADS // 5
        lines = await _explained(system, lead_ids[1])
        assert "Rule 'spanish', condition on tags: holds." in lines
        assert any("is responsible for its main contact, and gets it" in line for line in lines)


async def _leads_with_people(system: Running) -> tuple[list[int], dict[int, tuple[int, ...]]]:
    """Leads of four kinds in turn, and who may get each."""
    kinds = [
        ("es", 509, 509, SPANISH),  # Spanish, nobody's who takes part: the fair share
        ("es", 502, 501, (502,)),  # the contact's
        ("es", 509, 501, (501,)),  # the company's
        ("pt", 501, 501, OTHERS),  # not Spanish: another rule, which asks for no owner
    ]
    contacts, companies, leads = [], [], []
    for number in range(LEADS):
        language, contact_of, company_of, _ = kinds[number % 4]
        field = {"field_id": LANGUAGE, "values": [{"value": language}]}
        contacts.append({"responsible_user_id": contact_of, "custom_fields_values": [field]})
        companies.append({"responsible_user_id": company_of})
        leads.append({"tags": [[1, "Site"]]})
    made = await system.kommo.post("/cards", {"contacts": contacts, "companies": companies})
    for lead, contact, company in zip(leads, made["contacts"], made["companies"], strict=True):
        lead |= {"contact_ids": [contact], "company_id": company}
    answer = await system.kommo.post("/leads", {"leads": leads, "silent": True})
    lead_ids: list[int] = answer["lead_ids"]
    return lead_ids, {each: kinds[n % 4][3] for n, each in enumerate(lead_ids)}


async def _apply(system: Running, folder: Path) -> None:
    file = folder / "owners.yaml"
    file.write_text(dump(RULES))
    async with open_installation(system.fairlead.data) as installation:
        account = await installation.account(system.account_id)
        await rules.apply(installation, account, file)


async def _all_set(system: Running, lead_ids: list[int]) -> bool:
    owners = await system.owners()
    return all(owners[lead_id] in (*SPANISH, *OTHERS) for lead_id in lead_ids)


async def _explained(system: Running, lead_id: int) -> list[str]:
    async with open_installation(system.fairlead.data) as installation:
        account = await installation.account(system.account_id)
        found = await explain.explain_lead(installation, account, lead_id)
    return [line for each in found for line in each.lines]
