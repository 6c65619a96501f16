"""What an operator's program does with panoramisk: with_panoramisk.py HOST PORT USER SECRET. A line a step that went well."""
import asyncio, sys
from panoramisk import Manager


async def main(host, port, user, secret):
    done = lambda step: print(step, flush=True)
    soon = lambda waited: asyncio.wait_for(waited, 20)
    seen, fresh = [], asyncio.Event()

    def told(_, event):
        seen.append(event)
        fresh.set()

    async def event(name, **fields):
        while True:
            for one in seen:
                if one.event == name and all(one[key] == value for key, value in fields.items()):
                    return one
            fresh.clear()
            await fresh.wait()

    ami = Manager(host=host, port=int(port), username=user, secret=secret, ping_interval=60)
    ami.register_event("*", told)
    await soon(ami.connect())
    act = lambda action, **fields: soon(ami.send_action({"Action": action, **fields}))
    assert (await act("Ping")).ping == "Pong"
    done("login")
    done("ping")
    queue = await act("QueueStatus", Queue="sales_1")
    assert [one.event for one in queue if one.event][0] == "QueueParams", queue
    done("list")
    plan = await act("OutPlanCreate", Name="mine")
    assert (await soon(event("OutPlanCreate", Uuid=plan.uuid))).Name == "mine"
    done("own event")
    plans = [one for one in await act("OutPlanShow") if one.event == "OutPlanEntry"]
    assert [one.Uuid for one in plans] == [plan.uuid], plans
    done("own list")
    call = {"Channel": "Local/1000001@astout-demo", "Application": "Wait", "Data": "60", "Async": "true"}
    # It takes the OriginateResponse for the rest of the answer, by its ActionID.
    queued, up = await act("Originate", **call)
    assert queued.response == "Success", queued
    assert (up.event, up.response) == ("OriginateResponse", "Success"), up
    await soon(event("Newchannel", Uniqueid=up.Uniqueid))
    await act("Hangup", Channel=up.Channel)
    await soon(event("Hangup", Uniqueid=up.Uniqueid))
    done("originate")
    refused = await act("Originate", **{**call, "Channel": "Console/dsp"})
    assert not refused.success and "policy" in refused.message, refused
    done("refusal")
    ami.close()

    stranger = Manager(host=host, port=int(port))
    await soon(stranger.connect())
    refused = await soon(stranger.send_action({"Action": "Login", "Username": user, "Secret": "wrong"}))
    assert refused.response == "Error" and refused.message == "Authentication failed", refused
    stranger.close()
    done("bad login")


asyncio.run(main(*sys.argv[1:]))
