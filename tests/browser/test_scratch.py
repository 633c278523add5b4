from tests.browser.test_counted import *
from tests.browser.conftest import *
from tests.browser.test_rep import open_lead
FOCUS="(() => {const e=document.activeElement; return e.tagName+' '+(e.name||e.id||e.className)+' '+(e.getAttribute('aria-label')||e.labels?.[0]?.innerText||e.innerText||'').slice(0,40)})()"
def test_x(desk, site, qualified, people, acme):
    from crm import Lead, Deal
    from headlessly.access.models import Membership
    Membership.objects.filter(contact_id=people.bob.pk).update(role="admin")
    Deal.create(name="Acme expansion", value=10, contact=people.ada, organization=people.corp, owner=people.bob)
    for i in range(4): Lead.create(name=f"L{i}", source="web", owner=people.bob, contact=people.ada, score=i)
    k=desk.keyboard
    def f(n=1,key="Tab"):
        for _ in range(n): k.press(key); print("   ", key, desk.evaluate(FOCUS))
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.wait_for_load_state()
    k.press("/"); print(desk.evaluate(FOCUS)); f(8)
    desk.screenshot(path="/tmp/j/list.png")
    k.press("c"); desk.wait_for_timeout(500); print("quick", desk.evaluate(FOCUS)); f(8)
    desk.screenshot(path="/tmp/j/quick.png")
    k.press("Escape")
    desk.locator(".list td.check input").first.check(); desk.get_by_role("button", name="Assign…").click(); desk.wait_for_timeout(700)
    desk.screenshot(path="/tmp/j/assign.png"); print("assign", desk.evaluate(FOCUS)); 
    k.press("Escape")
    open_lead(desk, site)
    k.press("4"); desk.wait_for_timeout(800); print("convert", desk.evaluate(FOCUS)); f(8)
    desk.screenshot(path="/tmp/j/convert.png"); k.press("Escape"); desk.wait_for_timeout(200)
    k.press("5"); desk.wait_for_timeout(800); print("lose", desk.evaluate(FOCUS)); f(8)
    desk.screenshot(path="/tmp/j/lose.png"); k.press("Escape"); desk.wait_for_timeout(200)
    k.press("c"); print("call", desk.evaluate(FOCUS)); f(5); k.press("Escape")
    k.press("t"); print("task", desk.evaluate(FOCUS)); f(5); desk.screenshot(path="/tmp/j/task.png"); k.press("Escape")
    desk.screenshot(path="/tmp/j/lead.png")
    desk.goto(f"{site}/~acme/admin/settings/members/"); print("members", desk.evaluate(FOCUS)); desk.screenshot(path="/tmp/j/members.png")
    desk.goto(f"{site}/~acme/admin/marketing/form/add/"); desk.wait_for_timeout(500); print("form", desk.evaluate(FOCUS)); f(6); desk.screenshot(path="/tmp/j/form.png", full_page=True)
    desk.goto(f"{site}/~acme/admin/marketing/campaign/add/"); print("campaign", desk.evaluate(FOCUS)); f(6); desk.screenshot(path="/tmp/j/campaign.png", full_page=True)
    desk.goto(f"{site}/~acme/admin/"); desk.wait_for_timeout(500); print("today", desk.evaluate(FOCUS)); desk.screenshot(path="/tmp/j/today.png")
    desk.goto(f"{site}/~acme/admin/imports/?type=Lead"); print("imports", desk.evaluate(FOCUS)); desk.screenshot(path="/tmp/j/imports.png")
