"""The tutorial with the public AMI library panoramisk: tutorial.py HOST PORT USER SECRET NUMBER [NUMBER …]"""
import asyncio, sys
from panoramisk import Manager

async def main(host, port, user, secret, *numbers):
    ami, stopped = Manager(host=host, port=int(port), username=user, secret=secret), asyncio.Event()
    ami.register_event("OutDialing*", lambda _, e: print(e.event, e.DialAddr, e.Status, e.ResDial, e.ResHangupDetail))
    ami.register_event("OutCampaignUpdate", lambda _, e: (print("campaign", e.Status), e.Status == "0" and stopped.set()))
    await ami.connect()
    async def create(noun, **fields):
        return (await ami.send_action({"Action": f"Out{noun}Create", **fields})).uuid
    plan = await create("Plan", Name="sales_plan", TechName="Local/", TrunkName="astout-demo", MaxRetry1="1")
    dlma = await create("Dlma", Name="DialListMaster_Sales")
    dest = await create("Destination", Name="agents", Type="1", Application="queue", Data="sales_1")
    for number in numbers:
        await create("DlList", DlmaUuid=dlma, Name=f"client {number}", Number1=number)
    campaign = await create("Campaign", Name="Sales campaign", Plan=plan, Dlma=dlma, Dest=dest)
    await ami.send_action({"Action": "OutCampaignUpdate", "Uuid": campaign, "Status": "1"})
    await stopped.wait()
    for entry in await ami.send_action({"Action": "OutCampaignStatShow", "Uuid": campaign}):
        if entry.event == "OutCampaignStatEntry":
            print("finished", entry.DlFinishedCount, "of", entry.DlTotalCount)

asyncio.run(main(*sys.argv[1:]))
