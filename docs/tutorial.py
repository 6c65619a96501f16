"""The tutorial with the public AMI library panoramisk (pip install panoramisk).
Usage: tutorial.py HOST PORT USER SECRET NUMBER… — dials the numbers into the queue sales_1 by Local/NUMBER@astout-demo."""
import asyncio, sys
from panoramisk import Manager

async def main(host, port, user, secret, *numbers):
    manager, stopped = Manager(host=host, port=int(port), username=user, secret=secret), asyncio.Event()
    async def send(action, **fields):
        reply = await manager.send_action({"Action": action, **fields})
        assert reply.response == "Success", reply.message
        return reply
    manager.register_event("OutDialing*", lambda m, e: print(e.event, e.DialAddr, e.Status, e.ResDial, e.ResHangupDetail))
    manager.register_event("OutCampaignUpdate", lambda m, e: (print("campaign status", e.Status), e.Status == "0" and stopped.set()))
    await manager.connect()
    plan = (await send("OutPlanCreate", Name="sales_plan", TechName="Local/", TrunkName="astout-demo", MaxRetry1="1")).uuid
    dlma = (await send("OutDlmaCreate", Name="DialListMaster_Sales")).uuid
    dest = (await send("OutDestinationCreate", Name="agents", Type="1", Application="queue", Data="sales_1")).uuid
    for number in numbers:
        await send("OutDlListCreate", DlmaUuid=dlma, Name=f"client {number}", Number1=number)
    campaign = (await send("OutCampaignCreate", Name="Sales campaign", Plan=plan, Dlma=dlma, Dest=dest)).uuid
    await send("OutCampaignUpdate", Uuid=campaign, Status="1")
    await stopped.wait()
    for entry in (await manager.send_action({"Action": "OutCampaignStatShow", "Uuid": campaign}))[1:-1]:
        print("finished", entry.DlFinishedCount, "of", entry.DlTotalCount)
    manager.close()

asyncio.run(main(*sys.argv[1:]))
