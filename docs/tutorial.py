"""The tutorial with the public AMI library panoramisk: tutorial.py HOST PORT USER SECRET NUMBER [NUMBER …]"""
import asyncio, sys
from panoramisk import Manager

async def main(host, port, user, secret, *numbers):
    ami, stopped = Manager(host=host, port=int(port), username=user, secret=secret), asyncio.Event()
    ami.register_event("Out*", lambda _, e: print(e.event, e.DialAddr, e.Status, e.ResDial, e.ResHangupDetail))
    ami.register_event("OutCampaignUpdate", lambda _, e: e.Status == "0" and stopped.set())
    act = lambda action, **fields: ami.send_action({"Action": action, **fields})
    await ami.connect()
    plan = await act("OutPlanCreate", Name="sales_plan", TechName="Local/", TrunkName="astout-demo", MaxRetry1="1")
    dlma = await act("OutDlmaCreate", Name="DialListMaster_Sales")
    dest = await act("OutDestinationCreate", Name="agents", Type="1", Application="queue", Data="sales_1")
    for number in numbers:
        await act("OutDlListCreate", DlmaUuid=dlma.uuid, Name=f"client {number}", Number1=number)
    camp = await act("OutCampaignCreate", Name="Sales campaign", Plan=plan.uuid, Dlma=dlma.uuid, Dest=dest.uuid)
    await act("OutCampaignUpdate", Uuid=camp.uuid, Status="1")
    await stopped.wait()

asyncio.run(main(*sys.argv[1:]))
